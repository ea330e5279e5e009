/**
 * Who is calling: the client token of `POST <api>/chatkit/start`, renewed in time, and a `fetch` that carries it.
 *
 * Both clients are given this `fetch`. ChatKit sends uploads through it, too: a presigned S3 address refuses a request
 * that has an Authorization header besides its signature, so the token goes to the backend's own origins only.
 */

/** A token is renewed this long before it expires, in ms: a request that leaves now must arrive in time. */
const RENEWAL_LEAD = 30_000;

/** A refusal of the backend, with what it said to the user. */
export class ApiError extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.name = "ApiError";
    this.status = status;
  }
}

/**
 * Reads a refusal: the backend's own `message` where the body holds one.
 *
 * @param {Response} response
 * @returns {Promise<ApiError>}
 */
export async function refusalOf(response) {
  const body = await response.json().catch(() => null);
  const message = typeof body?.message === "string" ? body.message : `The backend answered HTTP ${response.status}.`;
  return new ApiError(response.status, message);
}

/**
 * Keeps one user's client token. Callers that come while a token is fetched share that one request.
 *
 * @param {{ apiUrl: string, user: string, fetcher?: typeof fetch, now?: () => number }} options - `now` in ms.
 */
export function createSession({ apiUrl, user, fetcher = fetch.bind(globalThis), now = Date.now }) {
  /** @type {{ secret: string, expiresAt: number } | null} */
  let held = null;
  /** @type {Promise<string> | null} */
  let underWay = null;

  async function start() {
    const response = await fetcher(`${apiUrl}/chatkit/start`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user }),
    });
    if (!response.ok) throw await refusalOf(response);
    const { client_secret: secret, expires_at: expiresAt } = await response.json();
    held = { secret, expiresAt: expiresAt * 1000 };
    return secret;
  }

  return {
    /**
     * A token to use now. `refused` is one that the backend has just answered with 401: it is not given again.
     *
     * @param {string} [refused]
     * @returns {Promise<string>} rejects with `ApiError` where the backend gives none.
     */
    token(refused) {
      if (held !== null && held.secret !== refused && now() < held.expiresAt - RENEWAL_LEAD) {
        return Promise.resolve(held.secret);
      }
      underWay ??= start().finally(() => {
        underWay = null;
      });
      return underWay;
    },
  };
}

/**
 * A `fetch` that adds the token on these origins and on no other, and that repeats a request once, with a new token,
 * when it was answered with 401: nothing has been done then.
 *
 * @param {{ session: ReturnType<typeof createSession>, origins: readonly string[], fetcher?: typeof fetch }} options
 * @returns {typeof fetch}
 */
export function createAuthorizedFetch({ session, origins, fetcher = fetch.bind(globalThis) }) {
  return async (input, init) => {
    const isRequest = input instanceof Request;
    const url = new URL(isRequest ? input.url : input, document.baseURI);
    if (!origins.includes(url.origin)) return fetcher(input, init);

    /** @param {string} token */
    const attempt = (token) => {
      const headers = new Headers(init?.headers ?? (isRequest ? input.headers : undefined));
      headers.set("Authorization", `Bearer ${token}`);
      // A Request's body can be sent only once.
      return fetcher(isRequest ? input.clone() : input, { ...init, headers });
    };
    const token = await session.token();
    const response = await attempt(token);
    if (response.status !== 401) return response;

    await response.body?.cancel();
    return attempt(await session.token(token));
  };
}
