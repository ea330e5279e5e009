from typing import Any, Protocol

from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller

class _RuntimeClientModule(Protocol):
    def next(self) -> tuple[bytes, dict[str, Any]]: ...
    def post_invocation_result(
        self, invoke_id: str, result: bytes, content_type: str, invocation_id: str | None = None, /
    ) -> None: ...
    def post_error(self, invoke_id: str, error: str, xray_cause: str, invocation_id: str | None = None, /) -> None: ...

runtime_client: _RuntimeClientModule | None

class LambdaRuntimeClientError(Exception):
    endpoint: str
    response_code: int
    response_body: bytes
    def __init__(self, endpoint: str, response_code: int, response_body: bytes) -> None: ...

class LambdaRuntimeClient:
    marshaller: LambdaMarshaller
    lambda_runtime_address: str
    def __init__(self, lambda_runtime_address: str, use_thread_for_polling_next: bool = False) -> None: ...
    def post_invocation_error(
        self, invoke_id: str, error_response_data: str, xray_fault: str, invocation_id: str | None = None
    ) -> None: ...
    def post_invocation_result(
        self, invoke_id: str, result_data: Any, content_type: str = "application/json", invocation_id: str | None = None
    ) -> None: ...
