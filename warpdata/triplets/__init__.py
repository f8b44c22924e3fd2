"""From a scene's cached geometry and its pictures to triplets: pairs, inputs, rendering, scores."""
