"""incident_ops.yaml and the environment → typed settings; every error names file, line, key and remedy.

The only place that knows the file format. `document` reads YAML, `shape` says which keys there are (with
`calendar` for the sections about time, `times`, `addresses`, `scalars` and `secrets` for values), `references`
which names must exist, `explain` puts errors into words, `load` joins it. `compiled` says it in the core's words,
`warnings` what is probably not meant, `effect` what this version does not act on.
"""

from incident_ops.config.compiled import attention_rules_of, route_tree, routing_rules_of, schedules_of
from incident_ops.config.doubtful_receivers import doubtful_secrets
from incident_ops.config.effect import not_yet_effective
from incident_ops.config.load import (
    DEFAULT_DAGSTER_URL,
    DEFAULT_SLACK_BASE_URL,
    DEFAULT_SLACK_CHANNEL,
    FILE_NAME,
    Settings,
    database_url_despite_errors,
    load_settings,
    missing_secrets,
    parse_config,
    settings_from_text,
)
from incident_ops.config.secrets import Secret
from incident_ops.config.shape import BUILT_IN_RECEIVERS, Config, Receiver, SeverityRule, Team, channel_of_team
from incident_ops.config.warnings import warnings_of

__all__ = [
    "BUILT_IN_RECEIVERS",
    "DEFAULT_DAGSTER_URL",
    "DEFAULT_SLACK_BASE_URL",
    "DEFAULT_SLACK_CHANNEL",
    "FILE_NAME",
    "Config",
    "Receiver",
    "Secret",
    "Settings",
    "SeverityRule",
    "Team",
    "attention_rules_of",
    "channel_of_team",
    "database_url_despite_errors",
    "doubtful_secrets",
    "load_settings",
    "missing_secrets",
    "not_yet_effective",
    "parse_config",
    "route_tree",
    "routing_rules_of",
    "schedules_of",
    "settings_from_text",
    "warnings_of",
]
