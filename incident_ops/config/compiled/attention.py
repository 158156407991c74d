"""What decides who is told when: timers, quiets, budget, and who has subscribed."""

from incident_ops.config.compiled.calendars import intervals_of, maintenance_of
from incident_ops.config.compiled.routes import escalation_policies_of, inhibit_rules_of
from incident_ops.config.shape import Config
from incident_ops.core.attention import AttentionRules
from incident_ops.core.budget import Budget
from incident_ops.core.classification import Classification
from incident_ops.core.flapping import FlappingRule
from incident_ops.core.routing import Subscription


def attention_rules_of(config: Config) -> AttentionRules:
    """Timers, quiets, escalation, budget."""
    return AttentionRules(
        intervals=intervals_of(config),
        policies=escalation_policies_of(config),
        maintenance=maintenance_of(config),
        inhibit=inhibit_rules_of(config),
        reminders=config.reminders,
        budget=Budget(pushes=config.budget.pushes, per=config.budget.per, always=frozenset(config.budget.always)),
        flapping=FlappingRule(changes=config.flapping.changes, within=config.flapping.within),
        classification=Classification(
            required=config.classification.required, remind_after=config.classification.remind_after
        ),
    )


def subscriptions_of(config: Config) -> tuple[Subscription, ...]:
    """Who wants to hear of what, whoever owns it."""
    return tuple(Subscription(who=each.who, matchers=each.matchers, how=each.how) for each in config.subscriptions)
