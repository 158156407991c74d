select
    day,
    topic,
    count(*) as tickets,
    avg(first_reply_minutes) as mean_reply_minutes,
    avg(case when first_reply_minutes <= 240 then 1.0 else 0.0 end) as share_within_four_hours,
    avg(satisfaction) as mean_satisfaction
from {{ ref('stg_support_tickets') }}
group by day, topic
