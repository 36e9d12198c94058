# Довідка про команди.

examples = Приклади:
heading_commands = Команди
heading_arguments = Аргументи
heading_options = Параметри
heading_global = Для кожної команди
word_command = КОМАНДА
help_flag = Показати довідку
version_flag = Показати версію
default_value = [типово: { $value }]
