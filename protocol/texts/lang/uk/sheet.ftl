# Заголовки списків для інших програм.

column_conflicts = спірних полів
column_part = частина
column_settled = врегульовано
column_gone_by = виходять із цього
column_for_whom = зі слів
column_connected = на зв’язку
column_up_to_date = копія збігається
column_on_hold = обмін призупинено
in_utc = { $title } (UTC)
