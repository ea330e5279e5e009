"""The command line, `chatkit-lambda`. What a command needs is imported when the command is run."""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from functions.errors import ChatKitLambdaError, SettingError
from functions.local.settings import DEFAULT_PORT, DEFAULT_STATE_DIR, LocalSettings, SmokeSecrets, port_number
from functions.local.terminal import Terminal

_URL_HELP: Final = f"where the stack is (default: http://127.0.0.1:$PORT, with PORT {DEFAULT_PORT})"
FAILED: Final = 1
INTERRUPTED: Final = 130
"""Ctrl-C, as a shell gives it. Wrong usage exits with argparse's 2."""

_SERVE: Final = """\
examples:
  chatkit-lambda serve                                a scripted assistant answers, as there is no key
  OPENAI_API_KEY=... chatkit-lambda serve             a model answers
  chatkit-lambda serve --port 9000 --state-dir /tmp/a another page, other conversations

environment:
  PORT, STATE_DIR   as the options, which go before
  OPENAI_API_KEY    the key that the model is called with
  OPENAI_BASE_URL   another model server, which speaks the Responses API
  RETENTION_DAYS    how long a thread is kept behind its last use; without, for ever
  LIMITS            how much users may use (docs/limits.md); without, nothing is limited
  LOG_LEVEL         DEBUG, INFO (default), WARNING or ERROR, for the functions
  ALLOWED_HOSTS     further host names to answer under, for a tunnel to this machine
  IDENTITY          who may ask for client tokens (docs/identity.md): local (default), oidc, api_key, anonymous
  OIDC_ISSUER, OIDC_AUDIENCE, OIDC_USER_CLAIM, OIDC_TENANT_CLAIM
                    for oidc; the issuer may be on this machine, without TLS
  LOCAL_API_KEY     for api_key, one key: `chatkit-lambda api-key new local` makes one
  HOSTED_WORKFLOW_ID, HOSTED_WORKFLOW_VERSION, HOSTED_REQUESTS_PER_MINUTE
                    hand out sessions of OpenAI's hosted ChatKit instead (with OPENAI_API_KEY)
  TOKEN_SECONDS, SESSION_SECONDS, REFRESH_GRACE_SECONDS
                    how long a token and a session last
"""
_INVOKE: Final = """\
examples:
  chatkit-lambda invoke events/chat/threads_create.json
  chatkit-lambda invoke events/api/chatkit_start.json | python -m json.tool
  chatkit-lambda invoke --state-dir .local events/chat/threads_list.json     while no stack is running there
  chatkit-lambda invoke events/thread/thread_deleted.json
  chatkit-lambda invoke events/rotation/create_secret.json

The head of the answer goes to standard error, its body to standard output.
"""
_API_KEY: Final = """\
examples:
  chatkit-lambda api-key new web --secret-id ARN      prints the key, this once; its hash is stored
  chatkit-lambda api-key new web                      prints the key, and what is to be put into the secret
  chatkit-lambda api-key list --secret-id ARN
  chatkit-lambda api-key revoke web --secret-id ARN

ARN is the output ApiKeysSecretArn of a deployment whose `identity` names api_key (docs/identity.md). It is read and written
with your AWS credentials, as the AWS command line finds them.
"""
_CHAT: Final = """\
examples:
  chatkit-lambda chat "What is a Lambda function?"
  chatkit-lambda chat --thread thr_01... "And what does it cost?"
  chatkit-lambda chat --raw --user bob Hello
"""

_USER: Final = """\
examples:
  chatkit-lambda user export --user alice --table TABLE --bucket BUCKET --out alice.zip
  chatkit-lambda user export --user alice --tenant acme --table TABLE --bucket BUCKET --out alice/
  chatkit-lambda user export --user alice --local
  chatkit-lambda user erase --user alice --table TABLE --bucket BUCKET
  chatkit-lambda user erase --user alice --local --yes

TABLE and BUCKET are the outputs TableName and BucketName of a deployment. They are reached with your AWS credentials, as the
AWS command line finds them. --local is the local stack, while none is running. docs/operations.md says what an export holds,
and what an erasure cannot reach.

An erasure that broke off, or was killed, is finished by the same command.

environment:
  OPENAI_API_KEY    erase: deletes the copies of attachments at OpenAI, if there are any
  OPENAI_BASE_URL   another model server
"""


_ROTATE_KEY: Final = """\
examples:
  chatkit-lambda rotate-key
  chatkit-lambda rotate-key --url http://127.0.0.1:9000

It does what Secrets Manager does every 30 days: it calls the rotation function for its four steps. Nobody's token
becomes invalid.
A second rotation is refused for some two hours: tokens of the key before the last one may still be good.
"""
_SMOKE: Final = """\
examples:
  chatkit-lambda smoke --url CHAT_URL --api-url API_URL              as a visitor, or signed with your AWS credentials
  API_KEY=... chatkit-lambda smoke --url CHAT_URL --api-url API_URL
  ID_TOKEN=... chatkit-lambda smoke --url CHAT_URL --api-url API_URL
  TOKEN=... chatkit-lambda smoke --url CHAT_URL                      with a client token
  chatkit-lambda smoke --url http://127.0.0.1:8787/chatkit --api-url http://127.0.0.1:8787/api

The addresses are the outputs ChatUrl (or ChatRestUrl) and ApiUrl of a deployment. One message is answered, by the
model, and its thread deleted; what it took, and whether it streamed, is printed. It ends with 1 where something fails, or
does not stream.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; gives the exit status. `arguments` are those behind the program's name."""
    options = _parser().parse_args(arguments)
    terminal = Terminal(quiet=options.command == "invoke")
    try:
        options.run(options, terminal)
    except BrokenPipeError:
        # Whoever read the output has enough (`| head`). What is left must not be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except (ChatKitLambdaError, OSError) as error:
        terminal.fail(str(error))
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chatkit-lambda",
        description="A serverless backend for OpenAI's ChatKit, on this machine.",
        epilog="`chatkit-lambda COMMAND --help` shows a command's options and examples.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    serve = commands.add_parser("serve", **_texts("run the page and the functions on 127.0.0.1 until Ctrl-C", _SERVE))
    serve.add_argument(
        "--port", type=_port, help=f"the page's port; 0 is any that is free (default: $PORT or {DEFAULT_PORT})"
    )
    serve.add_argument("--state-dir", help=f"where conversations are kept (default: $STATE_DIR or {DEFAULT_STATE_DIR})")
    serve.set_defaults(run=_serve)

    invoke = commands.add_parser(
        "invoke", **_texts("run one sample event through the real handler, and print the answer", _INVOKE)
    )
    invoke.add_argument("file", type=Path, metavar="FILE", help="an event as AWS sends it; see events/README.md")
    invoke.add_argument(
        "--function",
        choices=("chat", "api", "thread", "attachment", "sweep", "rotation"),
        help="the function (default: the name of FILE's folder)",
    )
    invoke.add_argument("--user", default="alice", help="the user of ${TOKEN}, ${THREAD} ... in FILE (default: alice)")
    invoke.add_argument("--state-dir", help="run on the conversations kept there (default: on an empty stack)")
    invoke.set_defaults(run=_invoke)

    chat = commands.add_parser(
        "chat", **_texts("send a message to a running stack, and print the answer as it comes", _CHAT)
    )
    chat.add_argument("message", metavar="MESSAGE")
    chat.add_argument("--url", help=_URL_HELP)
    chat.add_argument("--user", default="alice", help="who is speaking (default: alice)")
    chat.add_argument("--thread", help="the thread to go on with (default: a new one)")
    chat.add_argument("--raw", action="store_true", help="print the events, one JSON object a line")
    chat.set_defaults(run=_chat)
    smoke = commands.add_parser("smoke", **_texts("try a deployed endpoint: is it there, and does it stream?", _SMOKE))
    smoke.add_argument("--url", required=True, help="where ChatKit's requests go, such as https://.../chatkit")
    smoke.add_argument("--api-url", help="where client tokens are given out, such as https://.../api")
    smoke.add_argument("--origin", help="the origin of a page, such as https://app.example.com, which must be let in")
    smoke.set_defaults(run=_smoke)
    _add_api_key(commands)
    _add_user(commands)

    rotate_key = commands.add_parser(
        "rotate-key", **_texts("have a running stack rotate the key that signs client tokens", _ROTATE_KEY)
    )
    rotate_key.add_argument("--url", help=_URL_HELP)
    rotate_key.set_defaults(run=_rotate_key)
    return parser


def _add_api_key(commands: Any) -> None:
    api_key = commands.add_parser(
        "api-key", **_texts("make, list or revoke the keys by which servers ask for client tokens", _API_KEY)
    )
    actions = api_key.add_subparsers(dest="action", metavar="ACTION", required=True)
    new = actions.add_parser("new", help="make a key, and print it this once")
    new.add_argument(
        "name", metavar="NAME", help="what the key is known by: letters, digits, dots, dashes, underscores"
    )
    new.add_argument("--secret-id", help="the secret to put its hash into (default: print what to put there)")
    listing = actions.add_parser("list", help="print the names of the keys, and their days")
    listing.add_argument("--secret-id", required=True, help="the secret with the hashes")
    revoke = actions.add_parser("revoke", help="take a key out")
    revoke.add_argument("name", metavar="NAME")
    revoke.add_argument("--secret-id", required=True, help="the secret with the hashes")
    api_key.set_defaults(run=_run_api_key)


def _add_user(commands: Any) -> None:
    user = commands.add_parser("user", **_texts("export or erase all that is kept of one user", _USER))
    actions = user.add_subparsers(dest="action", metavar="ACTION", required=True)
    export = actions.add_parser(
        "export", **_texts("write all that is kept of one user to a ZIP file or a folder", _USER)
    )
    erase = actions.add_parser("erase", **_texts("delete all that is kept of one user, for good", _USER))
    for action in (export, erase):
        action.add_argument("--user", required=True, help="the user's id, as your server or identity provider names it")
        action.add_argument("--tenant", help="the user's tenant, where there is one")
        action.add_argument("--table", help="the stage's table")
        action.add_argument("--bucket", help="the stage's bucket")
        action.add_argument("--local", action="store_true", help="the local stack, in place of table and bucket")
        action.add_argument("--state-dir", help=f"where it keeps its data (default: $STATE_DIR or {DEFAULT_STATE_DIR})")
    export.add_argument(
        "--out",
        type=Path,
        help="a ZIP file, where it ends in .zip, else a new folder (default: chatkit-export-TIME.zip)",
    )
    erase.add_argument("--yes", action="store_true", help="do not ask")
    user.set_defaults(run=_run_user)


def _texts(does: str, examples: str) -> dict[str, Any]:
    return {
        "help": does,
        "description": does[0].upper() + does[1:] + ("" if does.endswith("?") else "."),
        "epilog": examples,
        "formatter_class": argparse.RawDescriptionHelpFormatter,
    }


def _port(value: str) -> str:
    try:
        port_number(value)
    except SettingError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return value


def _serve(options: argparse.Namespace, terminal: Terminal) -> None:
    settings = LocalSettings.from_environ(port=options.port, state_dir=options.state_dir)
    from functions.local.stack import serve

    serve(settings, terminal)


def _invoke(options: argparse.Namespace, terminal: Terminal) -> None:
    settings = LocalSettings.from_environ(state_dir=options.state_dir)
    from functions.local.invoke import invoke

    invoke(
        options.file,
        settings,
        function=options.function,
        user=options.user,
        keep=options.state_dir is not None,
        terminal=terminal,
    )


def _run_api_key(options: argparse.Namespace, _terminal: Terminal) -> None:
    from functions.local import api_keys

    match options.action:
        case "new":
            today = datetime.now(UTC).date()
            api_keys.make(options.name, options.secret_id, today=today, out=sys.stdout, err=sys.stderr)
        case "list":
            api_keys.show(options.secret_id, out=sys.stdout)
        case _:
            api_keys.revoke(options.name, options.secret_id, err=sys.stderr)


def _run_user(options: argparse.Namespace, terminal: Terminal) -> None:
    settings = LocalSettings.from_environ(state_dir=options.state_dir)
    from functions.local import users

    person = users.Person(options.user, options.tenant)
    if options.local == bool(options.table or options.bucket) or bool(options.table) != bool(options.bucket):
        raise users.UserCommandError("name --table and --bucket of a deployed stage, or --local")
    stage = users.local(settings, terminal) if options.local else users.deployed(options.table, options.bucket)
    if options.action == "export":
        out = options.out or Path(f"chatkit-export-{datetime.now(UTC):%Y%m%d-%H%M%S}.zip")
        users.export(person, stage, out=out, say=terminal.say)
    else:
        users.erase(person, stage, settings=settings, is_sure=options.yes, answers=sys.stdin, say=terminal.say)


def _chat(options: argparse.Namespace, _terminal: Terminal) -> None:
    from functions.local.talk import Talk, show

    answer = Talk(_url(options), options.user).send(options.message, thread=options.thread)
    show(answer, raw=options.raw, out=sys.stdout, err=sys.stderr)


def _smoke(options: argparse.Namespace, _terminal: Terminal) -> None:
    secrets = SmokeSecrets.from_environ()
    from functions.local.smoke import Target, smoke

    target = Target(
        url=options.url, api_url=options.api_url, token=secrets.token, proof=secrets.proof, origin=options.origin
    )
    smoke(target, out=sys.stdout)


def _rotate_key(options: argparse.Namespace, _terminal: Terminal) -> None:
    from functions.local.talk import rotate_key

    print(f"key {rotate_key(_url(options))} is current; tokens of the key before it stay good")


def _url(options: argparse.Namespace) -> str:
    return options.url or f"http://127.0.0.1:{LocalSettings.from_environ().port}"


if __name__ == "__main__":
    sys.exit(main())
