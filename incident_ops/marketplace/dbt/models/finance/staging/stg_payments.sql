select
    payment_id,
    order_id,
    paid_at,
    cast(paid_at as date) as day,
    amount,
    method
from {{ source('raw', 'payments') }}
