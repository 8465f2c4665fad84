from django.db import models


class Customer(models.Model):
    name = models.CharField(max_length=100, unique=True)
    joined = models.DateTimeField(auto_now_add=True)
    notes = models.JSONField(default=dict)


class Order(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="orders")
    amount = models.DecimalField(max_digits=10, decimal_places=2)
    paid = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["paid", "amount"], name="shop_order_paid_idx")]
