SELECT
  COUNT(*) AS "rows",
  COUNT("t0"."order id") AS "c0_there",
  COUNT(DISTINCT "t0"."order id") AS "c0_distinct",
  COUNT(CASE WHEN "t0"."order id" = 0 THEN 1 ELSE NULL END) AS "c0_zero",
  COUNT(CASE WHEN "t0"."order id" < 0 THEN 1 ELSE NULL END) AS "c0_negative",
  MIN("t0"."order id") AS "c0_min",
  MAX("t0"."order id") AS "c0_max",
  AVG(CAST("t0"."order id" AS DOUBLE PRECISION)) AS "c0_mean",
  STDDEV_SAMP(CAST("t0"."order id" AS DOUBLE PRECISION)) AS "c0_stddev",
  PERCENTILE_CONT(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY
    CAST("t0"."order id" AS DOUBLE PRECISION)) AS "c0_quantiles",
  COUNT("t0"."amount") AS "c1_there",
  COUNT(DISTINCT "t0"."amount") AS "c1_distinct",
  COUNT(CASE WHEN "t0"."amount" = 0 THEN 1 ELSE NULL END) AS "c1_zero",
  COUNT(CASE WHEN "t0"."amount" < 0 THEN 1 ELSE NULL END) AS "c1_negative",
  COUNT(CASE WHEN "t0"."amount" = CAST('NaN' AS DOUBLE PRECISION) THEN 1 ELSE NULL END) AS "c1_nan",
  COUNT(CASE WHEN ABS("t0"."amount") < 1e+150 THEN "t0"."amount" ELSE NULL END) AS "c1_usable",
  MIN(CASE WHEN ABS("t0"."amount") < 1e+150 THEN "t0"."amount" ELSE NULL END) AS "c1_min",
  MAX(CASE WHEN ABS("t0"."amount") < 1e+150 THEN "t0"."amount" ELSE NULL END) AS "c1_max",
  AVG(CASE WHEN ABS("t0"."amount") < 1e+150 THEN "t0"."amount" ELSE NULL END) AS "c1_mean",
  STDDEV_SAMP(CASE WHEN ABS("t0"."amount") < 1e+150 THEN "t0"."amount" ELSE NULL END) AS "c1_stddev",
  PERCENTILE_CONT(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY
    CASE WHEN ABS("t0"."amount") < 1e+150 THEN "t0"."amount" ELSE NULL END) AS "c1_quantiles",
  COUNT("t0"."channel") AS "c2_there",
  COUNT(DISTINCT "t0"."channel") AS "c2_distinct",
  COUNT(
    CASE
      WHEN (
        "t0"."channel" = ''
      )
      OR (
        STARTS_WITH("t0"."channel", ' ') AND (
          REPLACE("t0"."channel", ' ', '') = ''
        )
      )
      THEN 1
      ELSE NULL
    END
  ) AS "c2_blank",
  MIN(LENGTH("t0"."channel")) AS "c2_min_length",
  MAX(LENGTH("t0"."channel")) AS "c2_max_length",
  COUNT(CASE WHEN "t0"."channel" = 'web' THEN 1 ELSE NULL END) AS "c2_known0",
  MIN(CASE WHEN "t0"."channel" IN ('web') THEN NULL ELSE "t0"."channel" END) AS "c2_least",
  MAX(CASE WHEN "t0"."channel" IN ('web') THEN NULL ELSE "t0"."channel" END) AS "c2_greatest",
  COUNT("t0"."at") AS "c3_there",
  COUNT(DISTINCT "t0"."at") AS "c3_distinct",
  MAX("t0"."at") AS "c3_newest"
FROM "orders" AS "t0";

SELECT
  "t2"."value",
  COUNT(*) AS "rows"
FROM (
  SELECT
    *
  FROM (
    SELECT
      UNNEST(ARRAY['0:' || CAST("t0"."order id" AS VARCHAR), '2:' || "t0"."channel"]) AS "value"
    FROM "orders" AS "t0"
  ) AS "t1"
  WHERE
    "t1"."value" IS NOT NULL
) AS "t2"
GROUP BY
  1;
