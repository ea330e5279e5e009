"""cdk-nag's findings that are meant to be as they are: where, which rule, and why. Any other fails `make synth`."""

from typing import Final

from aws_cdk import Acknowledgment, Validations
from constructs import Construct, IConstruct

_BY_THE_FUNCTION: Final = "Pages call it with a short-lived client token, which the function checks on every request."
_IDENTITY_BY_THE_FUNCTION: Final = "Who asks for a client token proves to the function who they are: docs/identity.md."
_API_KEYS: Final = "It holds hashes alone. A key is replaced by a second one, until its server has changed over."
_PREFLIGHT: Final = "A browser sends a preflight without credentials; it is answered with CORS headers alone."
_NO_COGNITO: Final = "Who the users are is the integrator's business; none is required to keep them in Cognito."
_PYTHON: Final = "Python 3.13 is the version that the package's wheels and bytecode are built and tested for."
_BY_HAND: Final = "A key that a third party issues can only be replaced by whoever has an account there."
_ROTATED: Final = (
    "It is rotated: by a schedule in the chat stack, with the function. The rule looks at the secret's own stack alone."
)
_NO_ACCESS_LOG: Final = (
    "Such a log would be a second bucket, kept and paid for, that holds users' addresses. Objects are reached by "
    "presigned URLs, which are given out and logged by the functions; CloudTrail's data events can be added."
)
_PROTOCOL: Final = (
    "The functions check each body against the protocol's types, and must answer a wrong one as ChatKit expects; an "
    "answer of the gateway's validator would be lost on the page."
)
_NO_WAF: Final = "A web ACL costs money while nobody calls. Requests are throttled, and useless without a client token."
_NOTES: Final = "This is the queue of what failed: whoever looks into it deletes the note, and there is none behind it."
_ITEMS: Final = "The role may reach the objects of large items, whose names are random, and no other prefix."
_IMAGES: Final = "The same for the pictures that models made."
_FILES: Final = "The same for the parts of attachments that this function has to do with."
_GATEWAY_LOGS: Final = "AWS's own policy for the role with which API Gateway writes logs; no narrower one is accepted."

# As cdk-nag prints them: a finding of these two rules is acknowledged for one resource, one policy.
_BUCKET_ARN: Final = "chatkit-{stage}-data:ExportsOutputFnGetAttBucket83908E77Arn063C8555"
_GATEWAY_POLICY: Final = "arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"

DATA: Final = (
    ("Bucket", "AwsSolutions-S1", _NO_ACCESS_LOG),
    ("TokenSecret", "AwsSolutions-SMG4", _ROTATED),
    ("OpenAISecret", "AwsSolutions-SMG4", _BY_HAND),
)
"""The data stack's: path, rule, reason."""

_FILES_OF: Final = {
    "Chat": ("uploads", "files", "previews"),
    "Api": ("uploads", "files"),
    "Thread": ("uploads", "files", "previews"),
    "Attachment": ("uploads", "files", "previews"),
    "Sweep": ("uploads", "files", "previews"),
}

CHAT: Final = (
    ("Chat/Role/DefaultPolicy", f"AwsSolutions-IAM5[Resource::{_BUCKET_ARN}/items/*]", _ITEMS),
    ("Chat/Role/DefaultPolicy", f"AwsSolutions-IAM5[Resource::{_BUCKET_ARN}/images/*]", _IMAGES),
    ("Thread/Role/DefaultPolicy", f"AwsSolutions-IAM5[Resource::{_BUCKET_ARN}/items/*]", _ITEMS),
    ("Thread/Role/DefaultPolicy", f"AwsSolutions-IAM5[Resource::{_BUCKET_ARN}/images/*]", _IMAGES),
    *(
        (f"{function}/Role/DefaultPolicy", f"AwsSolutions-IAM5[Resource::{_BUCKET_ARN}/{prefix}/*]", _FILES)
        for function, prefixes in _FILES_OF.items()
        for prefix in prefixes
    ),
    ("Deletions/Failures", "AwsSolutions-SQS3", _NOTES),
    ("UploadFailures", "AwsSolutions-SQS3", _NOTES),
    ("Chat/Function", "AwsSolutions-L1", _PYTHON),
    ("Api/Function", "AwsSolutions-L1", _PYTHON),
    ("Thread/Function", "AwsSolutions-L1", _PYTHON),
    ("Attachment/Function", "AwsSolutions-L1", _PYTHON),
    ("Sweep/Function", "AwsSolutions-L1", _PYTHON),
    ("Rotation/Function", "AwsSolutions-L1", _PYTHON),
    ("Rest", "AwsSolutions-APIG2", _PROTOCOL),
    ("Rest/Default/chatkit/POST", "AwsSolutions-APIG4", _BY_THE_FUNCTION),
    ("Rest/Default/chatkit/POST", "AwsSolutions-COG4", _NO_COGNITO),
    ("Rest/Default/chatkit/OPTIONS", "AwsSolutions-APIG4", _PREFLIGHT),
    ("Rest/Default/api/{{proxy+}}/ANY", "AwsSolutions-APIG4", _BY_THE_FUNCTION),
    ("Rest/Default/api/{{proxy+}}/ANY", "AwsSolutions-COG4", _NO_COGNITO),
    ("Rest/Default/api/chatkit/{{proxy+}}/ANY", "AwsSolutions-APIG4", _BY_THE_FUNCTION),
    ("Rest/Default/api/chatkit/{{proxy+}}/ANY", "AwsSolutions-COG4", _NO_COGNITO),
    ("Rest/Default/api/chatkit/start/POST", "AwsSolutions-COG4", _NO_COGNITO),
    ("Rest/Default/api/chatkit/start/OPTIONS", "AwsSolutions-APIG4", _PREFLIGHT),
)
"""The chat stack's: path, rule, reason. `{stage}` is the stage's name."""

CHAT_OPEN_START: Final = (("Rest/Default/api/chatkit/start/POST", "AwsSolutions-APIG4", _IDENTITY_BY_THE_FUNCTION),)
"""The chat stack's, where the function itself checks who asks for a client token."""

CHAT_NO_WAF: Final = (("Rest/DeploymentStage.{stage}", "AwsSolutions-APIG3", _NO_WAF),)
"""The chat stack's, where no web ACL stands before it."""

API_KEYS: Final = (("ApiKeysSecret", "AwsSolutions-SMG4", _API_KEYS),)
"""The data stack's, where servers have API keys."""

CHAT_LOG_ROLE: Final = (("Rest/CloudWatchRole", f"AwsSolutions-IAM4[Policy::{_GATEWAY_POLICY}]", _GATEWAY_LOGS),)
"""The chat stack's, where it sets the role with which API Gateway writes logs."""

_SITE_FILES: Final = (
    "It may write and delete the files of this one bucket, which holds nothing but what the deployment brings."
)
_CDK_FUNCTION: Final = (
    "This is the CDK's own function, whose runtime the CDK chooses; it runs while the stack is deployed."
)
_EVERYWHERE: Final = (
    "Who may see the page is not said by where they are; whoever wants that says so at the distribution."
)
_SITE_NO_WAF: Final = (
    "A web ACL for CloudFront has to be in us-east-1, and costs money while nobody calls: docs/edge.md."
)
_CLOUDFRONT_NAME: Final = (
    "Under CloudFront's own name, viewers' TLS cannot be chosen; with site_domain_name it is 1.2 or newer."
)

SITE: Final = (
    ("Bucket", "AwsSolutions-S1", _NO_ACCESS_LOG),
    ("Files/Role", "AwsSolutions-IAM5[Resource::<Bucket83908E77.Arn>/*]", _SITE_FILES),
    ("Custom::CDKBucketDeployment8693BB64968944B69AAFB0CC9EB8756C512MiB", "AwsSolutions-L1", _CDK_FUNCTION),
    ("Distribution", "AwsSolutions-CFR1", _EVERYWHERE),
    ("Distribution", "AwsSolutions-CFR2", _SITE_NO_WAF),
    ("Distribution", "AwsSolutions-CFR3", _NO_ACCESS_LOG),
)
"""The site stack's: path, rule, reason."""

SITE_WITHOUT_DOMAIN: Final = (("Distribution", "AwsSolutions-CFR4", _CLOUDFRONT_NAME),)
"""The site stack's, where it has no name of its own."""


def acknowledge(stack: Construct, findings: tuple[tuple[str, str, str], ...], *, stage: str) -> None:
    """Records each finding at its path below the stack. Raises where there is no such path."""
    for path, rule, reason in findings:
        place: IConstruct = stack
        for name in path.format(stage=stage).split("/"):
            place = place.node.find_child(name)
        Validations.of(place).acknowledge(Acknowledgment(id=rule.format(stage=stage), reason=reason))
