"""The bus on which the functions tell what happens, for whoever wants to know."""

from aws_cdk import CfnOutput, Duration
from aws_cdk import aws_events as events
from constructs import Construct

from functions.announcements.entries import SOURCE
from functions.settings import Names
from infra.config import Config


def bus_name(stage: str) -> str:
    """The bus of a stage: a name that others can rely on, as their rules name it."""
    return f"chatkit-{stage}"


class Events(Construct):
    """A bus of its own, and an archive where one is wanted. It stands with what is kept: others' rules hang on it."""

    def __init__(self, scope: Construct, construct_id: str, *, config: Config) -> None:
        super().__init__(scope, construct_id)
        self.bus = events.EventBus(
            self,
            "Bus",
            event_bus_name=bus_name(config.stage),
            description=f"What happens in chatkit-lambda, stage {config.stage}",
        )
        if config.event_archive_days is not None:
            self.bus.archive(
                "Archive",
                description=f"The events of chatkit-lambda, stage {config.stage}",
                event_pattern=events.EventPattern(source=[SOURCE]),
                retention=Duration.days(config.event_archive_days),
            )
        self.environment = {
            Names.EVENT_BUS_NAME: self.bus.event_bus_name,
            Names.EVENT_CONTENT: str(config.event_content).lower(),
        }
        """What `functions.settings.Settings` reads of it."""
        # Not below this construct's own name: an output is known by its id alone.
        CfnOutput(
            self,
            "EventBusName",
            value=self.bus.event_bus_name,
            description="The EventBridge bus that is told what happens",
        ).override_logical_id("EventBusName")
