# Справка о командах.

examples = Примеры:
heading_commands = Команды
heading_arguments = Аргументы
heading_options = Параметры
heading_global = Для каждой команды
word_command = КОМАНДА
help_flag = Показать справку
version_flag = Показать версию
default_value = [по умолчанию: { $value }]
