"""What a month may cost, before somebody hears of it."""

from typing import Final

from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_sns as sns
from constructs import Construct

TAG: Final = ("project", "chatkit-lambda")
"""What every resource of the app is tagged with (`infra.app`)."""
_ACTUAL: Final = (80, 100)
_FORECAST: Final = 100
"""Per cent."""


def add_budget(scope: Construct, construct_id: str, *, stage: str, dollars: int, topic: sns.ITopic) -> None:
    """Tells `topic` when so much is spent, or is going to be, in a month, by what bears the project's tag.

    It stops nothing. The tag has to be activated for cost allocation before any cost is seen under it
    (https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/activating-tags.html).
    """
    notifications = [("ACTUAL", share) for share in _ACTUAL] + [("FORECASTED", _FORECAST)]
    key, value = TAG
    budget = budgets.CfnBudget(
        scope,
        construct_id,
        budget=budgets.CfnBudget.BudgetDataProperty(
            budget_name=f"chatkit-{stage}",
            budget_type="COST",
            time_unit="MONTHLY",
            budget_limit=budgets.CfnBudget.SpendProperty(amount=dollars, unit="USD"),
            cost_filters={"TagKeyValue": [f"user:{key}${value}"]},
        ),
        notifications_with_subscribers=[
            budgets.CfnBudget.NotificationWithSubscribersProperty(
                notification=budgets.CfnBudget.NotificationProperty(
                    notification_type=kind,
                    comparison_operator="GREATER_THAN",
                    threshold=share,
                    threshold_type="PERCENTAGE",
                ),
                subscribers=[budgets.CfnBudget.SubscriberProperty(subscription_type="SNS", address=topic.topic_arn)],
            )
            for kind, share in notifications
        ],
    )
    # With its policy: Budgets refuses a topic that it may not speak to.
    budget.node.add_dependency(topic)
