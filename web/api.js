/** What this page asks of the api function, the client tokens, and how a refusal of the backend is read. */

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
 * A client token for `user`. This page may ask for anybody's: a stack on a laptop believes it. Deployed, the same route
 * is for your own server, which knows who is signed in (docs/frontend.md).
 *
 * @param {{ apiUrl: string, user: string }} options
 * @returns {Promise<string>} rejects with `ApiError` where the backend gives none.
 */
export async function startSession({ apiUrl, user }) {
  const response = await fetch(`${apiUrl}/chatkit/start`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user }),
  });
  if (!response.ok) throw await refusalOf(response);
  return (await response.json()).client_secret;
}

/**
 * What the user is told of a request that failed. A repetition may help after a 5xx and after a connection that broke,
 * and after nothing else.
 *
 * @param {unknown} error
 * @returns {import("./fold.js").Failure}
 */
export function failureOf(error) {
  if (error instanceof ApiError) return { message: error.message, allowRetry: error.status >= 500 };
  if (error instanceof SyntaxError)
    return { message: "The backend sent something that is no JSON.", allowRetry: false };
  return { message: "The connection to the backend broke.", allowRetry: true };
}

/**
 * What ChatKit asks for in hosted mode, where the same routes give out client secrets of OpenAI's: the first, and then one
 * for the one that is used up.
 *
 * @param {{ apiUrl: string, user: string }} options
 * @returns {(current: string | null) => Promise<string>}
 */
export function createClientSecrets({ apiUrl, user }) {
  return async (current) => {
    if (current) {
      const response = await fetch(`${apiUrl}/chatkit/refresh`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ currentClientSecret: current }),
      });
      if (response.ok) return (await response.json()).client_secret;
    }
    return startSession({ apiUrl, user });
  };
}
