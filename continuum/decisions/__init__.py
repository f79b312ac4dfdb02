"""Decisions about data: predict-then-optimise tasks, regret, and distances that price decisions."""

from .bound import TransferBound, transfer_bound
from .components import Components
from .correlation import Correlation, correlate, simplex_grid
from .cost import DecisionAwareCost
from .cost_path import DecisionAwareDistance, DecisionCostPath
from .cubic_top_k import make_cubic_top_k
from .dataset import PtODataset
from .demand_task import make_demands
from .disparity import Disparity, Profile, disparity_cost
from .distance import DecisionDistance, Priced, decision_distance
from .grid import GridShortestPath
from .interpolation import DecisionPath, decision_drift
from .knapsack import Knapsack
from .linear import LinearObjective
from .lipschitz import Lipschitz, SupportsLipschitz
from .maps import TERRAIN_COSTS, make_image_maps, make_terrain
from .mean_variance import MeanVariance
from .metrics import InstanceMetric, TableMetric
from .newsvendor import Newsvendor
from .polynomial_tasks import make_knapsack, make_portfolio, make_shortest_path
from .portfolio import Portfolio
from .problem import LinearProblem, PtOProblem, SupportsFeasibility
from .regret import decision_regret, regret
from .sources import DemandRecords, load_demand
from .stochastic_newsvendor import StochasticNewsvendor
from .stock_costs import StockCosts
from .top_k import TopK
from .transfer_matrix import transfer_matrix

__all__ = [
    "TERRAIN_COSTS",
    "Components",
    "Correlation",
    "DecisionAwareCost",
    "DecisionAwareDistance",
    "DecisionCostPath",
    "DecisionDistance",
    "DecisionPath",
    "DemandRecords",
    "Disparity",
    "GridShortestPath",
    "InstanceMetric",
    "Knapsack",
    "LinearObjective",
    "LinearProblem",
    "Lipschitz",
    "MeanVariance",
    "Newsvendor",
    "Portfolio",
    "Priced",
    "Profile",
    "PtODataset",
    "PtOProblem",
    "StochasticNewsvendor",
    "StockCosts",
    "SupportsFeasibility",
    "SupportsLipschitz",
    "TableMetric",
    "TopK",
    "TransferBound",
    "correlate",
    "decision_distance",
    "decision_drift",
    "decision_regret",
    "disparity_cost",
    "load_demand",
    "make_cubic_top_k",
    "make_demands",
    "make_image_maps",
    "make_knapsack",
    "make_portfolio",
    "make_shortest_path",
    "make_terrain",
    "regret",
    "simplex_grid",
    "transfer_bound",
    "transfer_matrix",
]
