"""Pictures in memory: the port's promises in the plainest way, for the engine's tests and as the contracts' reference."""

from functions.attachments.images import Picture, name_of, new_name, reference, to_data_url

HOST = "https://pictures.example/"


class MemoryImages:
    """Implements `functions.attachments.base.ImageStore`. Each URL that it gives is another one, as signed ones are."""

    def __init__(self, *, is_public: bool = True) -> None:
        self.pictures: dict[tuple[str, str, str], Picture] = {}
        self.signed: dict[str, Picture | None] = {}
        """What every URL that was given out leads to."""
        self._is_public = is_public

    async def put(self, user: str, thread_id: str, picture: Picture) -> str:
        name = new_name(picture.media_type)
        self.pictures[user, thread_id, name] = picture
        return reference(name)

    async def url(self, user: str, thread_id: str, reference: str) -> str | None:
        name = name_of(reference)
        if name is None:
            return None
        url = f"{HOST}{name}?signature={len(self.signed) + 1}"
        self.signed[url] = self.pictures.get((user, thread_id, name))
        return url

    async def model_url(self, user: str, thread_id: str, reference: str) -> str | None:
        name = name_of(reference)
        if name is None or self._is_public:
            return await self.url(user, thread_id, reference)
        picture = self.pictures.get((user, thread_id, name))
        return None if picture is None else to_data_url(picture)

    async def delete_thread(self, user: str, thread_id: str) -> None:
        self.pictures = {place: one for place, one in self.pictures.items() if place[:2] != (user, thread_id)}

    def fetched(self, url: str) -> tuple[bytes, str] | None:
        """What a browser is given for a URL: bytes and media type; None for 403 or 404."""
        picture = self.signed.get(url)
        return None if picture is None else (picture.data, picture.media_type)
