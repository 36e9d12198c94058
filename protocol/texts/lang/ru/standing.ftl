# Как обстоят дела у узла и у тех, с кем он обменивается.

alarm = { $sentence } — { $next } ({ $code })
alarm_dated = { $when }: { $alarm }
shared =
    { $shared ->
        [0] С этого компьютера ещё ничего никому не передано.
        [one] Другим организациям передано { $shared } дело из { $cases }.
        [few] Другим организациям переданы { $shared } дела из { $cases }.
       *[other] Другим организациям передано { $shared } дел из { $cases }.
    }
shared_unknown = Что доступно другим, станет видно, когда папку отопрут.
state_empty = пусто: ключей здесь ещё нет; выполните `habeas init --alone`
state_wiped = уничтожено: ключей больше нет, и эту папку никто не откроет; восстановите резервную копию в другую
state_sealed = закрыто; выполните `habeas unlock`
state_alone = открыто, пока ни в каком реестре; выполните `habeas init --alone`, `habeas found` или `habeas join`
state_locked = заперто: обмен с другими идёт, но ничего не показывается; выполните `habeas unlock`
state_open = открыто
held = обмен приостановлен, ничего не передаётся и не принимается: { $names }
by_name = { $names }: узел их не вызывает, адрес — имя, а имена здесь не ищут: кто отвечает на поиск, узнаёт, с кем вы обмениваетесь. Они могут подключиться сами; или разрешите поиск: `habeas serve --allow-names`
no_peers = других организаций и устройств пока нет: обмениваться не с кем
up_to_date =
    эта копия совпадает с { $all ->
        [one] { $all } другой
       *[many] { $all } другими
    }
partly_up_to_date =
    известно, что эта копия совпадает с { $equal } из { $all ->
        [one] { $all } другой
       *[many] { $all } других
    }
wanted =
    ещё не получено: { $pieces ->
        [one] { $pieces } часть
        [few] { $pieces } части
       *[many] { $pieces } частей
    }
case_count = { $cases } (доступно другим: { $shared })
another_device =
    На ещё одном вашем устройстве, после `habeas init --device`:
      { $command }
of_yours = { $who }, ваше
never = ещё ни разу
connection_held = ! обмен приостановлен
connection_stands = ✓ на связи
connection_none = – нет связи
copy_up_to_date = ✓ совпадает
copy_unknown = – пока неизвестно

row_organisation = организация
row_device = это устройство
row_registry = реестр
row_cases = дела
row_received = получено от других
row_dockets = публичные карточки
row_organisation_id = id организации
row_registry_id = id реестра
row_node_id = id узла
row_listening = принимает на

column_organisation = организация
column_device = устройство
column_connection = связь
column_copy = копия
column_last_the_same = когда совпадала
column_node = узел
column_circle = круг
column_readers = кто может читать
column_entries = записей
column_split = раздвоено
column_id = id
circle_own = свой
circle_named = избранный
circle_commons = общий
