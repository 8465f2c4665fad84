"""What applications do with the ORM. Run by test_django.py and test_mysql_django.py in a process of its own; prints `ok`."""

import threading
from decimal import Decimal

import django

django.setup()

from django.db import IntegrityError, connection, transaction  # noqa: E402
from django.db.models import Count, F, Sum  # noqa: E402

from django_project.shop.models import Customer, Order  # noqa: E402

Customer.objects.exclude(name="from a migration").delete()
assert Order.objects.count() == 10

with transaction.atomic():
    for n in range(50):
        customer = Customer.objects.create(name=f"c{n}", notes={"n": n, "odd": "'\\\""})
        Order.objects.bulk_create([Order(customer=customer, amount=Decimal("1.50") * k) for k in range(5)])
    try:
        with transaction.atomic():
            Customer.objects.create(name="c1")
        raise AssertionError("unique")
    except IntegrityError:
        pass

assert Customer.objects.filter(notes__n=7).get().name == "c7"
assert Order.objects.filter(customer__name="c7").aggregate(Sum("amount"))["amount__sum"] == Decimal("15.00")
assert Customer.objects.annotate(n=Count("orders")).filter(n=5).count() == 50
Order.objects.filter(amount__gt=3).update(paid=True, amount=F("amount") + 1)
assert sum(1 for _ in Order.objects.iterator(chunk_size=20)) == 260  # a server-side cursor
with transaction.atomic():
    list(Order.objects.select_for_update().filter(paid=True)[:5])
with connection.cursor() as cursor:
    # Django sets these per connection; they must follow on every server.
    if connection.vendor == "postgresql":
        cursor.execute("SHOW TimeZone")
        assert cursor.fetchone() == ("UTC",)
    else:
        cursor.execute("SELECT @@sql_auto_is_null, @@autocommit")
        assert cursor.fetchone() == (0, 1)

failures = []


def thread(n):
    try:
        for k in range(10):
            with transaction.atomic():
                c = Customer.objects.select_for_update().get(name=f"c{n}")
                c.notes["k"] = k
                c.save()
            assert Customer.objects.get(name=f"c{n}").notes["k"] == k
    except Exception as error:  # noqa: BLE001
        failures.append(error)
    finally:
        connection.close()


threads = [threading.Thread(target=thread, args=(n,)) for n in range(8)]
for t in threads:
    t.start()
for t in threads:
    t.join()
assert not failures, failures
print("ok")
