"""`python -m functions.runtime HANDLER` serves a function's invocations until the Runtime API is gone.

Started by `exec-wrapper`. The Runtime API's address is `AWS_LAMBDA_RUNTIME_API`, which awslambdaric reads.
"""

import sys
from collections.abc import Sequence

from awslambdaric import bootstrap, lambda_runtime_client
from awslambdaric.lambda_config import LambdaConfigProvider

from functions.runtime.client import StreamingRuntimeClient


def main(arguments: Sequence[str]) -> None:
    """`arguments` as in `sys.argv`: the handler (`package.module.function`) is the second one."""
    config = LambdaConfigProvider(arguments)
    if config.is_multi_concurrent:
        sys.exit("functions.runtime serves one invocation at a time: it cannot run on Lambda Managed Instances.")
    if lambda_runtime_client.runtime_client is None:
        from functions.runtime.plain_client import PlainClient

        lambda_runtime_client.runtime_client = PlainClient(config.api_address)
    bootstrap.run(config.handler, StreamingRuntimeClient(config.api_address, config.use_thread_polling))


if __name__ == "__main__":
    main(sys.argv)
