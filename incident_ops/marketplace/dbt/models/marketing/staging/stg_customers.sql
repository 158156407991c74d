select
    customer_id,
    name,
    email,
    country,
    channel as first_channel,
    cast(signed_up_at as date) as signed_up_on
from {{ source('raw', 'customers') }}
