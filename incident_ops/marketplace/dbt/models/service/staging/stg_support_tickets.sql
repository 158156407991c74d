select
    ticket_id,
    customer_id,
    order_id,
    topic,
    opened_at,
    cast(opened_at as date) as day,
    first_reply_minutes,
    satisfaction
from {{ source('raw', 'support_tickets') }}
