# to_date() and to_timestamp() with a template.

SELECT to_date('05 Dec 2000', 'DD Mon YYYY'), to_date('20240203', 'YYYYMMDD'), to_date('2024-045', 'YYYY-DDD'), to_date('12/31/99', 'MM/DD/YY'), to_date('2024/02/03', 'YYYY-MM-DD'), to_date('3 february 2024', 'DD Month YYYY'), to_date('44-03-15 BC', 'YYYY-MM-DD BC')
----
names to_date|to_date|to_date|to_date|to_date|to_date|to_date
types 1082|1082|1082|1082|1082|1082|1082
2000-12-05|2024-02-03|2024-02-14|1999-12-31|2024-02-03|2024-02-03|0044-03-15 BC

SELECT to_timestamp('05 Dec 2000 13:14:15', 'DD Mon YYYY HH24:MI:SS'), to_timestamp('2024-01-02 03:04:05.678 PM', 'YYYY-MM-DD HH12:MI:SS.MS PM'), to_timestamp(1284352323.5), to_timestamp('2024-01-02 03:04:05.123456', 'YYYY-MM-DD HH24:MI:SS.US'), to_timestamp('2024-01-02 12:00 +02', 'YYYY-MM-DD HH24:MI TZH')
----
names to_timestamp|to_timestamp|to_timestamp|to_timestamp|to_timestamp
types 1184|1184|1184|1184|1184
2000-12-05 13:14:15+00|2024-01-02 15:04:05.678+00|2010-09-13 04:32:03.5+00|2024-01-02 03:04:05.123456+00|2024-01-02 10:00:00+00

SELECT to_timestamp('2024-01-02T03:04:05Z', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), to_timestamp('20240102030405', 'YYYYMMDDHH24MISS'), to_timestamp('12 AM', 'HH12 AM') IS NOT NULL
----
names to_timestamp|to_timestamp|?column?
types 1184|1184|16
2024-01-02 03:04:05+00|2024-01-02 03:04:05+00|t

SELECT to_date('xx', 'YYYY')
----
error 22007: invalid value "xx" for "YYYY"

SELECT to_date('2024-13-01', 'YYYY-MM-DD')
----
error 22008: date/time field value out of range: "2024-13-01"

SELECT to_date('2024-02-30', 'YYYY-MM-DD')
----
error 22008: date/time field value out of range: "2024-02-30"

SELECT to_date('2024-xyz-01', 'YYYY-Mon-DD')
----
error 22007: invalid value "xyz-01" for "Mon"

SELECT to_timestamp('2024-01-01 13', 'YYYY-MM-DD HH12')
----
error 22007: hour "13" is invalid for the 12-hour clock
