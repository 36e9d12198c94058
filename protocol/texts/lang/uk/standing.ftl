# Який стан вузла і тих, з ким він обмінюється.

alarm = { $sentence } — { $next } ({ $code })
alarm_dated = { $when }: { $alarm }
shared =
    { $shared ->
        [0] З цього комп’ютера ще нічого нікому не передано.
        [one] Іншим організаціям передано { $shared } справу з { $cases }.
        [few] Іншим організаціям передано { $shared } справи з { $cases }.
       *[other] Іншим організаціям передано { $shared } справ із { $cases }.
    }
shared_unknown = Що доступно іншим, стане видно, коли теку відімкнуть.
state_empty = порожньо: ключів тут ще немає; виконайте `habeas init --alone`
state_wiped = знищено: ключів більше немає, і цю теку ніхто не відкриє; відновіть резервну копію в іншу
state_sealed = закрито; виконайте `habeas unlock`
state_alone = відкрито, поки не в жодному реєстрі; виконайте `habeas init --alone`, `habeas found` або `habeas join`
state_locked = замкнено: обмін з іншими триває, але нічого не показується; виконайте `habeas unlock`
state_open = відкрито
held = обмін призупинено, нічого не передається й не приймається: { $names }
by_name = { $names }: вузол їх не викликає, адреса — ім’я, а імена тут не шукають: хто відповідає на пошук, дізнається, з ким ви обмінюєтеся. Вони можуть під’єднатися самі; або дозвольте пошук: `habeas serve --allow-names`
no_peers = інших організацій і пристроїв поки немає: обмінюватися нема з ким
up_to_date =
    ця копія збігається з { $all ->
        [one] { $all } іншою
       *[many] { $all } іншими
    }
partly_up_to_date =
    відомо, що ця копія збігається з { $equal } із { $all ->
        [one] { $all } іншої
       *[many] { $all } інших
    }
wanted =
    ще не отримано: { $pieces ->
        [one] { $pieces } частину
        [few] { $pieces } частини
       *[many] { $pieces } частин
    }
case_count = { $cases } (доступно іншим: { $shared })
another_device =
    На ще одному вашому пристрої, після `habeas init --device`:
      { $command }
of_yours = { $who }, ваш
never = ще жодного разу
connection_held = ! обмін призупинено
connection_stands = ✓ на зв’язку
connection_none = – немає зв’язку
copy_up_to_date = ✓ збігається
copy_unknown = – поки невідомо

row_organisation = організація
row_device = цей пристрій
row_registry = реєстр
row_cases = справи
row_received = отримано від інших
row_dockets = публічні картки
row_organisation_id = id організації
row_registry_id = id реєстру
row_node_id = id вузла
row_listening = приймає на

column_organisation = організація
column_device = пристрій
column_connection = зв’язок
column_copy = копія
column_last_the_same = коли збігалася
column_node = вузол
column_circle = коло
column_readers = хто може читати
column_entries = записів
column_split = роздвоєно
column_id = id
circle_own = власне
circle_named = обране
circle_commons = спільне
