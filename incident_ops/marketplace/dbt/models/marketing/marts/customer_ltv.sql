select
    customers.customer_id,
    customers.email,
    customers.country,
    customers.first_channel,
    customers.signed_up_on,
    count(orders.order_id) as orders,
    coalesce(sum(orders.amount), 0) as revenue,
    max(orders.day) as last_order_on
from {{ ref('stg_customers') }} as customers
left join {{ ref('fct_orders') }} as orders
    on customers.customer_id = orders.customer_id and orders.counts_as_revenue
group by
    customers.customer_id, customers.email, customers.country, customers.first_channel, customers.signed_up_on
