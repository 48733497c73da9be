import { mixedPoolingSettings } from "./batches.ts";
import { testSteps } from "./steps.ts";

// In a file of its own, since it is the one training that `deno task portable` runs on SwiftShader.
testSteps("pooled label maps, mixed by CutMix", mixedPoolingSettings());
