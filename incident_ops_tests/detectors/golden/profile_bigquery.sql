SELECT
  COUNT(*) AS `rows`,
  COUNT(`t0`.`order id`) AS `c0_there`,
  APPROX_COUNT_DISTINCT(`t0`.`order id`) AS `c0_distinct`,
  COUNT(IF(`t0`.`order id` = 0, 1, NULL)) AS `c0_zero`,
  COUNT(IF(`t0`.`order id` < 0, 1, NULL)) AS `c0_negative`,
  MIN(`t0`.`order id`) AS `c0_min`,
  MAX(`t0`.`order id`) AS `c0_max`,
  AVG(CAST(`t0`.`order id` AS FLOAT64)) AS `c0_mean`,
  STDDEV_SAMP(CAST(`t0`.`order id` AS FLOAT64)) AS `c0_stddev`,
  APPROX_QUANTILES(CAST(`t0`.`order id` AS FLOAT64), 4 IGNORE NULLS)[1] AS `c0_quantile25`,
  APPROX_QUANTILES(CAST(`t0`.`order id` AS FLOAT64), 2 IGNORE NULLS)[1] AS `c0_quantile50`,
  APPROX_QUANTILES(CAST(`t0`.`order id` AS FLOAT64), 4 IGNORE NULLS)[3] AS `c0_quantile75`,
  COUNT(`t0`.`amount`) AS `c1_there`,
  APPROX_COUNT_DISTINCT(`t0`.`amount`) AS `c1_distinct`,
  COUNT(IF(`t0`.`amount` = 0, 1, NULL)) AS `c1_zero`,
  COUNT(IF(`t0`.`amount` < 0, 1, NULL)) AS `c1_negative`,
  COUNT(IF(IS_NAN(`t0`.`amount`), 1, NULL)) AS `c1_nan`,
  COUNT(IF(ABS(`t0`.`amount`) < 1e+150, `t0`.`amount`, NULL)) AS `c1_usable`,
  MIN(IF(ABS(`t0`.`amount`) < 1e+150, `t0`.`amount`, NULL)) AS `c1_min`,
  MAX(IF(ABS(`t0`.`amount`) < 1e+150, `t0`.`amount`, NULL)) AS `c1_max`,
  AVG(IF(ABS(`t0`.`amount`) < 1e+150, `t0`.`amount`, NULL)) AS `c1_mean`,
  STDDEV_SAMP(IF(ABS(`t0`.`amount`) < 1e+150, `t0`.`amount`, NULL)) AS `c1_stddev`,
  APPROX_QUANTILES(IF(ABS(`t0`.`amount`) < 1e+150, `t0`.`amount`, NULL), 4 IGNORE NULLS)[1] AS `c1_quantile25`,
  APPROX_QUANTILES(IF(ABS(`t0`.`amount`) < 1e+150, `t0`.`amount`, NULL), 2 IGNORE NULLS)[1] AS `c1_quantile50`,
  APPROX_QUANTILES(IF(ABS(`t0`.`amount`) < 1e+150, `t0`.`amount`, NULL), 4 IGNORE NULLS)[3] AS `c1_quantile75`,
  COUNT(`t0`.`channel`) AS `c2_there`,
  APPROX_COUNT_DISTINCT(`t0`.`channel`) AS `c2_distinct`,
  COUNT(
    IF(
      (
        `t0`.`channel` = ''
      )
      OR (
        STARTS_WITH(`t0`.`channel`, ' ') AND (
          REPLACE(`t0`.`channel`, ' ', '') = ''
        )
      ),
      1,
      NULL
    )
  ) AS `c2_blank`,
  MIN(LENGTH(`t0`.`channel`)) AS `c2_min_length`,
  MAX(LENGTH(`t0`.`channel`)) AS `c2_max_length`,
  COUNT(IF(`t0`.`channel` = 'web', 1, NULL)) AS `c2_known0`,
  MIN(IF(`t0`.`channel` IN ('web'), NULL, `t0`.`channel`)) AS `c2_least`,
  MAX(IF(`t0`.`channel` IN ('web'), NULL, `t0`.`channel`)) AS `c2_greatest`,
  COUNT(`t0`.`at`) AS `c3_there`,
  APPROX_COUNT_DISTINCT(`t0`.`at`) AS `c3_distinct`,
  MAX(`t0`.`at`) AS `c3_newest`
FROM `orders` AS `t0`;

SELECT
  `t4`.`value`,
  COUNT(*) AS `rows`
FROM (
  SELECT
    *
  FROM (
    SELECT
      *
    FROM (
      SELECT
        CONCAT('0:', CAST(`t0`.`order id` AS STRING)) AS `value`
      FROM `orders` AS `t0`
    ) AS `t2`
    UNION ALL
    SELECT
      *
    FROM (
      SELECT
        CONCAT('2:', `t0`.`channel`) AS `value`
      FROM `orders` AS `t0`
    ) AS `t1`
  ) AS `t3`
  WHERE
    `t3`.`value` IS NOT NULL
) AS `t4`
GROUP BY
  1;
