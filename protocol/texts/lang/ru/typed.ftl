# Что не так с набранным.

heading_usage = Использование:
possible_values = [возможные значения: { $values }]
unknown_command = команды `{ $typed }` нет
unknown_argument = параметра `{ $typed }` нет
word_too_many = лишнее слово: `{ $typed }`; несколько слов, которые составляют целое, например слова записи, берут в кавычки или соединяют дефисами
missing_argument = не хватает: { $names }
missing_command = не хватает команды: { $names }
no_value = у `{ $argument }` нет значения
wrong_value = значение `{ $value }` не подходит для `{ $argument }`
wrong_value_because = значение `{ $value }` не подходит для `{ $argument }`: { $why }
too_many_values = значение `{ $value }` у `{ $argument }` лишнее
conflict = `{ $argument }` и `{ $other }` вместе не используются
repeated = `{ $argument }` можно указать только один раз
not_understood = набранное — не команда
not_within = нужно число в пределах { $range }
not_a_number = нужно целое число
did_you_mean = может быть, `{ $nearest }`?
no_such_field = поля `{ $field }` нет
no_such_field_but = поля `{ $field }` нет; может быть, `{ $nearest }`?
next_fields = выполните `habeas help fields { $record }`: там перечислены поля этой части дела
field_value_form = пишите ПОЛЕ=ЗНАЧЕНИЕ, например capture_episode.date=2023-06-10
