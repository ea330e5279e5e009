"""What a page needs of a stage that was just deployed, as code to copy. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from infra.config import Config

_BY_SERVER: Final = """\
  // Your own route: it knows who is signed in, and asks ApiUrl for a token (below).
  async getToken() {
    const answer = await fetch("/chatkit-token", { method: "POST" });
    if (!answer.ok) throw new Error(`No token: HTTP ${answer.status}`);
    return answer.text();
  },"""
_OIDC: Final = """\
  // `signIn` is your sign-in library: the token that it holds of the user is what is trusted.
  async getToken() {
    const answer = await fetch(START, {
      method: "POST",
      headers: { authorization: `Bearer ${await signIn.getToken()}` },
    });
    if (!answer.ok) throw new Error(`No token: HTTP ${answer.status}`);
    return (await answer.json()).client_secret;
  },"""
_ANONYMOUS: Final = """\
  // A cookie keeps visitors apart.
  async getToken() {
    const answer = await fetch(START, { method: "POST", credentials: "include" });
    if (!answer.ok) throw new Error(`No token: HTTP ${answer.status}`);
    return (await answer.json()).client_secret;
  },"""
_PAGE: Final = """\
import {{ createChatKitApi, createEntities }} from "./chatkit-aws.js"; // web/chatkit-aws.js

{addresses}const api = createChatKitApi({{
  url: {chat},
  domainKey: "domain_pk_...", // of OpenAI's settings; on localhost, any text
  refreshUrl: {refresh},
{get_token}
}});
await customElements.whenDefined("openai-chatkit");
document.querySelector("openai-chatkit").setOptions({{
  api,
  entities: createEntities(api, {{ url: {api} }}),
}});"""
_HOSTED_PAGE: Final = """\
const START = {start}; // or your own route
await customElements.whenDefined("openai-chatkit");
document.querySelector("openai-chatkit").setOptions({{
  api: {{
    // OpenAI's hosted ChatKit runs the workflow; this backend hands out its sessions.
    async getClientSecret(currentClientSecret) {{
      const answer = currentClientSecret
        ? await fetch({refresh}, {{
            method: "POST",
            headers: {{ "content-type": "application/json" }},
            body: JSON.stringify({{ currentClientSecret }}),
          }})
        : await fetch(START, {{ method: "POST"{proof} }});
      if (!answer.ok) throw new Error(`No session: HTTP ${{answer.status}}`);
      return (await answer.json()).client_secret;
    }},
  }},
}});"""
_API_KEY_SERVER: Final = """\
// Who has the key may speak for any user: it stays on your server.
async function clientToken(user) {{
  const answer = await fetch({start}, {{
    method: "POST",
    headers: {{ authorization: `Bearer ${{process.env.CHATKIT_API_KEY}}`, "content-type": "application/json" }},
    body: JSON.stringify({{ user }}),
  }});
  if (!answer.ok) throw new Error(`No token: HTTP ${{answer.status}}`);
  return (await answer.json()).client_secret;
}}"""
_IAM_SERVER: Final = """\
// POST it signed (service execute-api), with {{"user": "..."}}; docs/frontend.md has the call. Your server's role needs
// execute-api:Invoke on {start_arn}
const START = {start};"""
_PROOFS: Final[Mapping[str, str]] = {
    "oidc": ", headers: { authorization: `Bearer ${await signIn.getToken()}` }",
    "anonymous": ', credentials: "include"',
}


class OutputMissing(ValueError):
    """The stage has no such output: it was not deployed, or by another version."""


def page(config: Config, outputs: Mapping[str, str]) -> str:
    """The module of a page, which ends its users' requests at this stage. Raises `OutputMissing`."""
    api = _output(outputs, "ApiUrl").rstrip("/")
    kind = next((kind for kind in ("oidc", "anonymous") if kind in config.identity), None)
    literals = {"api": _text(api), "refresh": _text(f"{api}/chatkit/refresh"), "start": _text(f"{api}/chatkit/start")}
    if config.hosted_workflow_id is not None:
        start = literals["start"] if kind else _text("/chatkit-session")
        proof = _PROOFS.get(kind or "", "")
        return _HOSTED_PAGE.format(**{**literals, "start": start}, proof=proof)
    get_token = {"oidc": _OIDC, "anonymous": _ANONYMOUS}.get(kind or "", _BY_SERVER)
    addresses = f"const START = {literals['start']};\n\n" if kind else ""
    return _PAGE.format(**literals, chat=_text(_output(outputs, "ChatUrl")), addresses=addresses, get_token=get_token)


def server(config: Config, outputs: Mapping[str, str]) -> str | None:
    """What the integrator's own server does for its pages; None where pages ask by themselves. Raises `OutputMissing`."""
    start = _text(f"{_output(outputs, 'ApiUrl').rstrip('/')}/chatkit/start")
    if "iam" in config.identity:
        return _IAM_SERVER.format(start=start, start_arn=_output(outputs, "StartArn"))
    if "api_key" in config.identity:
        return _API_KEY_SERVER.format(start=start)
    return None


def hand_over(config: Config, outputs: Mapping[str, str]) -> Iterator[str]:
    """The lines to print behind a deployment. Raises `OutputMissing`."""
    yield "For your page (docs/frontend.md says more):"
    yield ""
    yield page(config, outputs)
    code = server(config, outputs)
    if code is not None:
        yield ""
        yield "For your server, which the page asks for tokens:"
        yield ""
        yield code
    if "api_key" in config.identity:
        secret = _output(outputs, "ApiKeysSecretArn")
        yield ""
        yield f"A key for it: .venv/bin/chatkit-lambda api-key new web --secret-id {secret}"
    if "SiteUrl" in outputs:
        yield ""
        yield from _site(config, outputs["SiteUrl"])
    yield ""
    yield f"Try it: make smoke URL={_output(outputs, 'ChatUrl')} API_URL={_output(outputs, 'ApiUrl').rstrip('/')}"


def _site(config: Config, url: str) -> Iterator[str]:
    yield f"The site: {url}"
    if url not in config.allowed_origins:
        origins = ",".join((url, *config.allowed_origins))
        yield f"Its page may not call yet. Deploy once more, with the same and -c allowed_origins={origins}"


def _output(outputs: Mapping[str, str], name: str) -> str:
    if name not in outputs:
        raise OutputMissing(f"the stage has no output {name}")
    return outputs[name]


def _text(value: str) -> str:
    """JavaScript's literal of a text, which may also stand in a page's script element."""
    return json.dumps(value).replace("<", "\\u003c")
