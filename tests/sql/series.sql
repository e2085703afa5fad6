# Series and intervals.

SELECT * FROM generate_series(timestamp '2024-01-01', '2024-01-02', '6 hours')
----
names generate_series
types 1114
2024-01-01 00:00:00
2024-01-01 06:00:00
2024-01-01 12:00:00
2024-01-01 18:00:00
2024-01-02 00:00:00

SELECT * FROM generate_series(date '2024-01-01', date '2024-01-03', '1 day')
----
names generate_series
types 1184
2024-01-01 00:00:00+00
2024-01-02 00:00:00+00
2024-01-03 00:00:00+00

SELECT * FROM generate_series(timestamptz '2024-01-01', '2024-01-03', '1 day')
----
names generate_series
types 1184
2024-01-01 00:00:00+00
2024-01-02 00:00:00+00
2024-01-03 00:00:00+00

SELECT * FROM generate_series('2008-03-01 00:00'::timestamp, '2008-03-04 12:00', '30 hours') AS g
----
names g
types 1114
2008-03-01 00:00:00
2008-03-02 06:00:00
2008-03-03 12:00:00

SELECT d::date FROM generate_series('2024-01-01'::date, '2024-01-03'::date, interval '1 day') d
----
names d
types 1082
2024-01-01
2024-01-02
2024-01-03

SELECT generate_series(1, 3)
----
names generate_series
types 23
1
2
3

SELECT * FROM generate_series(1.1, 4.0, 1.3)
----
names generate_series
types 1700
1.1
2.4
3.7

SELECT * FROM generate_series(5, 1, -2)
----
names generate_series
types 23
5
3
1

SELECT * FROM generate_series(1, 3) g
----
names g
types 23
1
2
3

SELECT g + 1 FROM generate_series(1, 2) AS t(g)
----
names ?column?
types 23
2
3

SELECT * FROM generate_series(1::bigint, 3)
----
names generate_series
types 20
1
2
3

SELECT a, g FROM (VALUES (1), (2)) t(a), generate_series(1, a) g ORDER BY 1, 2
----
names a|g
types 23|23
1|1
2|1
2|2

SELECT * FROM generate_series(1, 10, 0)
----
error 22023: step size cannot equal zero

SELECT * FROM generate_series(3, 1)
----
names generate_series
types 23
(no rows)

SELECT count(*), sum(g) FROM generate_series(1, 1000000) g
----
names count|sum
types 20|20
1000000|500000500000

SELECT justify_days('35 days'), justify_hours('27 hours'), justify_interval('1 mon -1 hour')
----
names justify_days|justify_hours|justify_interval
types 1186|1186|1186
1 mon 5 days|1 day 03:00:00|29 days 23:00:00

SELECT justify_days('-65 days 3 hours'), justify_hours('-27:30:00'), justify_interval('-1 mon 1 day 25 hours'), justify_interval('1 year -400 days 30 hours'), justify_interval(NULL)
----
names justify_days|justify_hours|justify_interval|justify_interval|justify_interval
types 1186|1186|1186|1186|1186
-2 mons -5 days +03:00:00|-1 days -03:30:00|-27 days -23:00:00|-1 mons -8 days -18:00:00|NULL

SELECT make_interval(), make_interval(1), make_interval(1, 2), make_interval(days => 10), make_interval(1, 2, 3, 4, 5, 6, 7.5), make_interval(secs => 0.25, weeks => 1)
----
names make_interval|make_interval|make_interval|make_interval|make_interval|make_interval
types 1186|1186|1186|1186|1186|1186
00:00:00|1 year|1 year 2 mons|10 days|1 year 2 mons 25 days 05:06:07.5|7 days 00:00:00.25

SELECT make_date(2013, 7, 15), make_date(-44, 3, 15), make_time(8, 15, 23.5), make_timestamp(2013, 7, 15, 8, 15, 23.5), make_timestamptz(2013, 7, 15, 8, 15, 23.5), make_timestamptz(2013, 7, 15, 8, 15, 23.5, 'Europe/Berlin')
----
names make_date|make_date|make_time|make_timestamp|make_timestamptz|make_timestamptz
types 1082|1082|1083|1114|1184|1184
2013-07-15|0044-03-15 BC|08:15:23.5|2013-07-15 08:15:23.5|2013-07-15 08:15:23.5+00|2013-07-15 06:15:23.5+00

SELECT make_date(2013, 2, 30)
----
error 22008: date field value out of range: 2013-02-30

SELECT make_time(25, 0, 0)
----
error 22008: time field value out of range: 25:00:00

SELECT date_bin('15 minutes', timestamp '2020-02-11 15:44:17', timestamp '2001-01-01'), date_bin('15 minutes', timestamptz '2020-02-11 15:44:17+00', timestamptz '2001-01-01'), date_bin('2 hours 30 minutes', timestamp '2020-02-11 15:44:17', timestamp '2001-01-01 00:02:30'), date_bin('1 day', timestamp '1999-12-31 13:00', timestamp '2001-01-01')
----
names date_bin|date_bin|date_bin|date_bin
types 1114|1184|1114|1114
2020-02-11 15:30:00|2020-02-11 15:30:00+00|2020-02-11 15:02:30|1999-12-31 00:00:00

SELECT date_bin('1 month', timestamp '2020-02-11 15:44:17', timestamp '2001-01-01')
----
error 0A000: timestamps cannot be binned into intervals containing months or years

SELECT date_bin('0 days', timestamp '2020-02-11 15:44:17', timestamp '2001-01-01')
----
error 22008: stride must be greater than zero

SELECT age(timestamp '2001-04-10', timestamp '1957-06-13'), age(timestamptz '2024-03-31', timestamptz '2024-02-29'), age(date '2024-03-31', date '2024-02-29'), age(timestamp '2024-01-01', timestamp '2024-03-15 12:00')
----
names age|age|age|age
types 1186|1186|1186|1186
43 years 9 mons 27 days|1 mon 2 days|1 mon 2 days|-2 mons -14 days -12:00:00

SELECT date_trunc('week', timestamp '2024-02-07 11:12'), date_trunc('quarter', date '2024-05-07'), date_trunc('decade', timestamp '2024-02-07'), date_trunc('century', timestamp '2024-02-07'), date_trunc('millennium', timestamp '2024-02-07'), date_trunc('milliseconds', timestamp '2024-02-07 11:12:13.123456'), date_trunc('hour', interval '1 day 02:03:04')
----
names date_trunc|date_trunc|date_trunc|date_trunc|date_trunc|date_trunc|date_trunc
types 1114|1184|1114|1114|1114|1114|1186
2024-02-05 00:00:00|2024-04-01 00:00:00+00|2020-01-01 00:00:00|2001-01-01 00:00:00|2001-01-01 00:00:00|2024-02-07 11:12:13.123|1 day 02:00:00

SELECT date '2001-09-28' + 7, date '2001-09-28' + interval '1 hour', date '2001-09-28' + time '03:00', date '2001-10-01' - date '2001-09-28', timestamp '2001-09-29 03:00' - timestamp '2001-07-27 12:00', time '05:00' - time '03:00', 900 * interval '1 second', interval '1 hour' / 1.5, interval '1 day' * 2.5, - interval '23 hours'
----
names ?column?|?column?|?column?|?column?|?column?|?column?|?column?|?column?|?column?|?column?
types 1082|1114|1114|23|1186|1186|1186|1186|1186|1186
2001-10-05|2001-09-28 01:00:00|2001-09-28 03:00:00|3|63 days 15:00:00|02:00:00|00:15:00|00:40:00|2 days 12:00:00|-23:00:00

SELECT time '01:00' + interval '3 hours', interval '1 day' - interval '1 hour', time '05:00' - interval '2 hours', timestamp '2001-01-01' - interval '23 hours', interval '1 mon' * 1.5, interval '1 mon' / 2, date '2024-01-31' + interval '1 month'
----
names ?column?|?column?|?column?|?column?|?column?|?column?|?column?
types 1083|1186|1083|1114|1186|1186|1114
04:00:00|1 day -01:00:00|03:00:00|2000-12-31 01:00:00|1 mon 15 days|15 days|2024-02-29 00:00:00
