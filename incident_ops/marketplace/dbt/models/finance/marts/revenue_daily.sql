select
    day,
    country,
    count(*) as orders,
    coalesce(sum(amount), 0) as revenue,
    coalesce(sum(amount), 0) / count(*) as average_order
from {{ ref('fct_orders') }}
where counts_as_revenue
group by day, country
