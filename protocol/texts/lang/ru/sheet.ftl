# Заголовки списков для других программ.

column_conflicts = спорных полей
column_part = часть
column_settled = урегулировано
column_gone_by = исходят из этого
column_for_whom = со слов
column_connected = на связи
column_up_to_date = копия совпадает
column_on_hold = обмен приостановлен
in_utc = { $title } (UTC)
