"""The CDK app: what `cdk deploy` puts into an AWS account."""
