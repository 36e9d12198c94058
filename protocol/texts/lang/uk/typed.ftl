# Що не так із набраним.

heading_usage = Використання:
possible_values = [можливі значення: { $values }]
unknown_command = команди `{ $typed }` немає
unknown_argument = параметра `{ $typed }` немає
word_too_many = зайве слово: `{ $typed }`; кілька слів, що становлять ціле, як-от слова запису, беруть у лапки або з’єднують дефісами
missing_argument = бракує: { $names }
missing_command = бракує команди: { $names }
no_value = `{ $argument }` не має значення
wrong_value = значення `{ $value }` не підходить для `{ $argument }`
wrong_value_because = значення `{ $value }` не підходить для `{ $argument }`: { $why }
too_many_values = значення `{ $value }` для `{ $argument }` зайве
conflict = `{ $argument }` і `{ $other }` разом не використовують
repeated = `{ $argument }` можна вказати лише один раз
not_understood = набране — не команда
not_within = потрібне число в межах { $range }
not_a_number = потрібне ціле число
did_you_mean = можливо, `{ $nearest }`?
no_such_field = поля `{ $field }` немає
no_such_field_but = поля `{ $field }` немає; можливо, `{ $nearest }`?
next_fields = виконайте `habeas help fields { $record }`: там перелічено поля цієї частини справи
field_value_form = пишіть ПОЛЕ=ЗНАЧЕННЯ, наприклад capture_episode.date=2023-06-10
