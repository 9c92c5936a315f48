"""The search engine: strategies, estimators, tasks, training and scoring of routability predictors."""

__version__ = "0.1.0"
