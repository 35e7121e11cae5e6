/** Stands in for `@azure/identity`: a login by way of Azure is none of ours. */
const refuse = function (): never {
  throw new Error("the bundles are built without logins by way of Azure")
}

export {
  refuse as ClientSecretCredential,
  refuse as DefaultAzureCredential,
  refuse as ManagedIdentityCredential,
  refuse as UsernamePasswordCredential
}
