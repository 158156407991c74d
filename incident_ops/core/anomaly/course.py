"""How a series went, slot by slot: forecasts, errors, spreads. `judge` looks at its last slot, `replay` at all."""

from dataclasses import dataclass
from datetime import datetime
from math import isfinite

import numpy as np

from incident_ops.core.anomaly.history import Array, Cadence
from incident_ops.core.anomaly.measure import Measure
from incident_ops.core.anomaly.outlook import Outlook
from incident_ops.core.anomaly.peers import common, expected_share, scatter, widening
from incident_ops.core.anomaly.seasonal import forecasts, spreads, windows
from incident_ops.core.anomaly.special_days import SpecialDays
from incident_ops.core.anomaly.wording import at_such_times


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """What the peers of a series did, in its slots.

    Attributes:
        movement: their common movement.
        scattered: how unlike each other they were, of the slots that are asked for; NaN where nobody can tell.
    """

    movement: Array
    scattered: Array

    @classmethod
    def of(cls, places: Array, cadence: Cadence, *, asked: int) -> "Company":
        """Of peers' values on a logarithmic scale, shape (peers, slots); the last `asked` slots are asked for."""
        level, season, _ = forecasts(places, cadence)
        errors = places - level - season
        movement = common(errors)
        return cls(movement=movement, scattered=scatter(errors, movement, cadence, asked=asked))

    @classmethod
    def none(cls, slots: int, *, asked: int) -> "Company":
        return cls(movement=np.zeros(slots), scattered=np.full(asked, np.nan))


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Per slot, on the scale of `measure`; `spread` and `company.scattered` of the slots that are asked for."""

    measure: Measure
    cadence: Cadence
    level: Array
    season: Array
    surplus: Array
    errors: Array
    spread: Array
    share: Array
    company: Company
    special: SpecialDays | None

    @classmethod
    def of(
        cls, places: Array, measure: Measure, cadence: Cadence, company: Company, special: SpecialDays | None
    ) -> "Course":
        """Of the values of all slots on the scale of `measure` (NaN: none)."""
        level, season, surplus = forecasts(places, cadence)
        share = expected_share(company.movement)
        errors = np.maximum(places - level - season - share, -measure.deepest)
        telling = special.ordinary(errors) if special else errors
        asked = company.scattered.size
        return cls(
            measure=measure,
            cadence=cadence,
            level=level,
            season=season,
            surplus=surplus,
            errors=errors,
            spread=spreads(windows(telling, cadence.errors)[-asked:]),
            share=share,
            company=company,
            special=special,
        )

    def outlook(self, slot: int, known: Array, *, at: datetime) -> Outlook:
        """What was to be expected of the value of a slot, after the known values before it."""
        asked = slot - self.level.size + self.spread.size
        season, spread = self.season.item(slot), self.spread.item(asked)
        forecast = self.level.item(slot) + season
        if not isfinite(forecast + spread):
            return Outlook(measure=self.measure, values=known)
        offsets = self.special.offsets(slot, self.surplus, self.errors, spread, season) if self.special else ()
        return Outlook(
            measure=self.measure,
            values=known,
            forecast=forecast,
            spread=spread,
            moved=self.company.movement.item(slot),
            share=self.share.item(slot),
            widening=widening(self.company.scattered.item(asked)),
            lower=min(0.0, *offsets) if offsets else 0.0,
            upper=max(0.0, *offsets) if offsets else 0.0,
            when=at_such_times(at, self.cadence, is_special=bool(offsets)),
        )
