import type { GetProof, IdentityAuth } from "./proof.ts";

/** Loads how to get a cloud's proof, and of no other cloud. */
export async function loadProof(auth: IdentityAuth): Promise<GetProof> {
  switch (auth) {
    case "aws-instance-identity":
      return (await import("./aws.ts")).awsProof;
    case "azure-instance-identity":
      return (await import("./azure.ts")).azureProof;
    case "google-instance-identity":
      return (await import("./google.ts")).googleProof;
  }
}
