"""Dictation: recorded speech, and what hears it."""

import base64
import binascii
from dataclasses import dataclass, fields
from typing import Final

from functions.engine.results import RequestContext
from functions.errors import InternalError, InvalidRequest
from functions.model.base import Transcriber
from functions.protocol.requests import InputTranscribeParams

AUDIO_TYPES: Final = ("audio/webm", "audio/ogg", "audio/mp4")
"""What the client records, by browser."""
REQUEST_BYTES: Final = 1_000_000
"""The largest body of any other request."""
AUDIO_BYTES: Final = 4_000_000
"""The longest recording: in base64, and with what comes around it, a Lambda request holds little more (6 MB of event)."""


@dataclass(frozen=True, slots=True)
class AudioInput:
    """Recorded speech."""

    data: bytes
    mime_type: str
    """As the client sent it, such as `audio/webm;codecs=opus`."""

    @property
    def media_type(self) -> str:
        """The type without its parameters, such as `audio/webm`."""
        return self.mime_type.partition(";")[0].strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class DictationContext(RequestContext):
    """What is known of a request that brings speech, and a model that hears."""

    transcriber: Transcriber | None = None

    async def transcribe(
        self, audio: AudioInput, *, model: str, language: str | None = None, prompt: str | None = None
    ) -> str:
        """What was said. `language` (ISO 639-1) and `prompt`, words that may occur, help where they are known.

        Raises `ModelError`; `InternalError` where there is no OpenAI key.
        """
        if self.transcriber is None:
            raise InternalError("nothing here can transcribe: there is no OpenAI key")
        return await self.transcriber.transcribe(
            audio.data, media_type=audio.media_type, model=model, language=language, prompt=prompt
        )


def dictation_context(context: RequestContext, transcriber: Transcriber | None) -> DictationContext:
    """The context of a request that brings speech."""
    known = {field.name: getattr(context, field.name) for field in fields(context)}
    return DictationContext(**known, transcriber=transcriber)


def read_audio(params: InputTranscribeParams) -> AudioInput:
    """The recording. Raises `InvalidRequest` where it is no base64, empty, too long, or of a type that no client records."""
    try:
        data = base64.b64decode(params.audio_base64, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidRequest("params.audio_base64", "is not base64") from error
    if not data:
        raise InvalidRequest("params.audio_base64", "is empty")
    if len(data) > AUDIO_BYTES:
        raise InvalidRequest("params.audio_base64", f"holds more than {AUDIO_BYTES:,} bytes of audio")
    audio = AudioInput(data=data, mime_type=params.mime_type)
    if audio.media_type not in AUDIO_TYPES:
        raise InvalidRequest("params.mime_type", f"must be one of {', '.join(AUDIO_TYPES)}")
    return audio
