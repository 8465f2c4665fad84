"""Alters columns and moves data, as migrations do in one transaction."""

from django.db import migrations, models


def some_data(apps, schema_editor):
    Customer, Order = apps.get_model("shop", "Customer"), apps.get_model("shop", "Order")
    first = Customer.objects.create(name="from a migration")
    Order.objects.bulk_create([Order(customer=first, amount=i) for i in range(10)])


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.AlterField("order", "amount", models.DecimalField(max_digits=10, decimal_places=2)),
        migrations.AddField("order", "paid", models.BooleanField(default=False)),
        migrations.AddIndex("order", models.Index(fields=["paid", "amount"], name="shop_order_paid_idx")),
        migrations.RunPython(some_data, lambda apps, schema_editor: None),
    ]
