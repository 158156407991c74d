select
    day,
    channel,
    campaign,
    impressions,
    clicks,
    spend
from {{ source('raw', 'ad_spend') }}
