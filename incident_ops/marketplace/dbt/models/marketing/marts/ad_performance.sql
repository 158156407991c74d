with spend as (
    select
        day,
        channel,
        sum(clicks) as clicks,
        sum(spend) as spend
    from {{ ref('stg_ad_spend') }}
    group by day, channel
),

sales as (
    select
        day,
        channel,
        count(*) as orders,
        coalesce(sum(amount), 0) as revenue
    from {{ ref('fct_orders') }}
    where counts_as_revenue
    group by day, channel
)

select
    spend.day,
    spend.channel,
    spend.clicks,
    spend.spend,
    coalesce(sales.orders, 0) as orders,
    coalesce(sales.revenue, 0) as revenue,
    coalesce(sales.revenue, 0) / nullif(spend.spend, 0) as return_on_ad_spend
from spend
left join sales on spend.day = sales.day and spend.channel = sales.channel
