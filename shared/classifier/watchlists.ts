/** What only the organization knows. Full resource names, or ids where a field says so; everything may be empty. */
export interface Watchlists {
  /** Project ids in which findings count as production. */
  readonly productionProjects: readonly string[];
  /** Project ids in which every Cloud Run deployment has to have Binary Authorization on. */
  readonly protectedProjects: readonly string[];
  /** Cloud Run services, jobs or worker pools that have to: projects/P/locations/L/services/S, or a name. */
  readonly protectedServices: readonly string[];
  /** Accounts that are meant for emergencies: their use is expected to be rare, and is graded higher. */
  readonly emergencyAccounts: readonly string[];
  /** projects/P/topics/T */
  readonly ownTopics: readonly string[];
  /** projects/P/subscriptions/S */
  readonly ownSubscriptions: readonly string[];
  /** PARENT/sinks/S */
  readonly ownSinks: readonly string[];
}

export const EMPTY_WATCHLISTS: Watchlists = {
  productionProjects: [],
  protectedProjects: [],
  protectedServices: [],
  emergencyAccounts: [],
  ownTopics: [],
  ownSubscriptions: [],
  ownSinks: [],
};
