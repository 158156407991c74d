select
    order_id,
    ordered_at,
    cast(ordered_at as date) as day,
    customer_id,
    channel,
    app_version,
    country,
    quantity,
    amount,
    status
from {{ source('raw', 'orders') }}
