"""What is predicted: one file per question, plain scikit-learn on pandas."""
