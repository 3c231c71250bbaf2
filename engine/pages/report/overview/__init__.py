"""The first screen: the verdict, five questions and their answers, the account over time."""
