"""AWS's own runtime client, with one thing added: a handler may return a `StreamingResponse`.

The loop over invocations, logging, tracing ids, init errors and SnapStart stay those of awslambdaric.
"""

from typing import Any, NamedTuple

from awslambdaric.lambda_runtime_client import LambdaRuntimeClient
from awslambdaric.lambda_runtime_exception import FaultException
from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller

from functions.runtime import wire
from functions.runtime.afterwards import do_afterwards
from functions.runtime.drive import close
from functions.runtime.loop import run
from functions.runtime.response import StreamingResponse
from functions.runtime.stream import post


class Stream(NamedTuple):
    """A streaming response that is ready to be posted."""

    head: bytes
    response: StreamingResponse


class StreamingMarshaller(LambdaMarshaller):
    """Lets a streaming response through; everything else becomes JSON, as always."""

    def marshal_response(self, response: Any) -> tuple[Any, str]:
        """What is to be posted, and its content type. Raises `FaultException` when the response is no JSON."""
        if not isinstance(response, StreamingResponse):
            return super().marshal_response(response)
        try:
            return Stream(wire.prelude(response), response), wire.PRELUDE_CONTENT_TYPE
        except (TypeError, ValueError) as error:
            run(close(response))
            raise FaultException(FaultException.MARSHAL_ERROR, "The response's head is no JSON.") from error


class StreamingRuntimeClient(LambdaRuntimeClient):
    """Posts what the handler returned, buffered or streamed."""

    marshaller = StreamingMarshaller()

    def post_invocation_result(
        self,
        invoke_id: str,
        result_data: Any,
        content_type: str = "application/json",
        invocation_id: str | None = None,
    ) -> None:
        """Returns when the Runtime API has the whole response, and all is done that comes behind it (`afterwards`).

        What it raises ends the process, which Lambda replaces.
        """
        try:
            self._post(invoke_id, result_data, content_type, invocation_id)
        finally:
            do_afterwards()

    def post_invocation_error(
        self, invoke_id: str, error_response_data: str, xray_fault: str, invocation_id: str | None = None
    ) -> None:
        """The same for an invocation that failed."""
        try:
            super().post_invocation_error(invoke_id, error_response_data, xray_fault, invocation_id)
        finally:
            do_afterwards()

    def _post(self, invoke_id: str, result_data: Any, content_type: str, invocation_id: str | None) -> None:
        if not isinstance(result_data, Stream):
            super().post_invocation_result(invoke_id, result_data, content_type, invocation_id)
            return
        run(
            post(
                result_data.response,
                head=result_data.head,
                address=self.lambda_runtime_address,
                invoke_id=invoke_id,
                invocation_id=invocation_id,
            )
        )
