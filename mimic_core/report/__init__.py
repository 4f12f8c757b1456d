"""The paper's tables and figures, our numbers beside the paper's own."""
