with paid as (
    select
        order_id,
        sum(amount) as paid_amount
    from {{ ref('stg_payments') }}
    group by order_id
)

select
    orders.order_id,
    orders.ordered_at,
    orders.day,
    orders.customer_id,
    orders.channel,
    orders.app_version,
    orders.country,
    orders.quantity,
    orders.amount,
    orders.status,
    coalesce(paid.paid_amount, 0) as paid_amount,
    orders.status = 'completed' as counts_as_revenue
from {{ ref('stg_orders') }} as orders
left join paid on orders.order_id = paid.order_id
