/** Stands in for `@azure/identity`: a login by way of Azure is none of ours. */
class NoAzure {
  constructor() {
    throw new Error("the bundles are built without logins by way of Azure")
  }
}

export {
  NoAzure as ClientSecretCredential,
  NoAzure as DefaultAzureCredential,
  NoAzure as ManagedIdentityCredential,
  NoAzure as UsernamePasswordCredential
}
