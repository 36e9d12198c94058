# Headers of lists for other programs.

column_conflicts = disputed fields
column_part = part
column_settled = settled
column_gone_by = gone by
column_for_whom = on behalf of
column_connected = connected
column_up_to_date = up to date
column_on_hold = on hold
in_utc = { $title } (UTC)
