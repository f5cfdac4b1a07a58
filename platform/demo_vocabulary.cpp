#include "platform/demo_vocabulary.hpp"

namespace strata::platform::demo {

namespace {

constexpr area freight[] = {
    {"Customs", "customs declarations and tariff notices", "the customs desk"},
    {"Dispatch", "tomorrow's loads and driver hours", "the dispatcher on duty"},
    {"Fleet", "engine readings and workshop reports", "the fleet manager"},
    {"Freight invoice", "carrier invoices and signed rate cards", "accounts payable"},
    {"Claims", "damage reports, photos and delivery notes", "the claims team"},
    {"Warehouse", "stock counts and picking lists", "the shift lead"},
    {"Carrier", "carrier emails and service scores", "carrier relations"},
    {"Route", "traffic, weather and delivery windows", "the route planner"},
    {"Yard", "gate scans and dock bookings", "the yard master"},
    {"Port", "vessel schedules and demurrage clocks", "the port agent"},
    {"Cold chain", "temperature logs of reefer units", "quality assurance"},
    {"Returns", "return requests and condition grades", "the returns desk"},
    {"Tender", "requests for quotation and lane history", "the pricing team"},
    {"Driver", "questions that drivers send from the road", "driver support"},
    {"Fuel", "fuel card records and pump prices", "the cost controller"},
};

constexpr area health[] = {
    {"Appointment", "booking requests and clinic calendars", "the front desk"},
    {"Referral", "referral letters and specialist lists", "the referral nurse"},
    {"Billing", "claims, denials and payer rules", "the billing office"},
    {"Prescription", "refill requests and formulary changes", "the pharmacist on duty"},
    {"Lab", "lab results that come in overnight", "the ordering clinician"},
    {"Discharge", "discharge notes and home-care plans", "the discharge nurse"},
    {"Intake", "intake forms and insurance cards", "patient services"},
    {"Imaging", "imaging orders and scanner slots", "the radiology desk"},
    {"Consent", "consent forms and their expiry dates", "the records office"},
    {"Supply", "ward stock and supplier lead times", "the supply nurse"},
    {"Roster", "shift wishes, leave and skill mix", "the ward manager"},
    {"Policy", "clinical guidelines and their revisions", "the quality board"},
    {"Feedback", "patient surveys and complaints", "patient experience"},
    {"Vaccination", "vaccination records and recall lists", "the prevention team"},
    {"Trial", "trial criteria and anonymised charts", "the study coordinator"},
};

constexpr area studio[] = {
    {"Brief", "client briefs and meeting notes", "the account lead"},
    {"Copy", "headlines, captions and style guides", "the copy chief"},
    {"Asset", "photo shoots, licences and usage rights", "the asset librarian"},
    {"Campaign", "campaign calendars and channel budgets", "the campaign lead"},
    {"Audience", "survey answers and segment sizes", "the research lead"},
    {"Newsletter", "article drafts and subscriber segments", "the editor"},
    {"Retail", "shelf photos and price tags from stores", "the retail planner"},
    {"Print", "print specifications and proof marks", "the production desk"},
    {"Localisation", "source strings and translators' notes", "the language lead"},
    {"Accessibility", "page captures and contrast reports", "the design lead"},
    {"Media", "media plans and delivery reports", "the media buyer"},
    {"Pitch", "tender documents and past case studies", "new business"},
    {"Podcast", "recordings, transcripts and show notes", "the producer"},
    {"Budget", "time sheets and supplier quotes", "finance"},
    {"Event", "guest lists, venues and run sheets", "the event lead"},
};

constexpr home all_homes[] = {
    {"Halden Freight", "halden-freight", "haldenfreight.example", "enterprise", freight},
    {"Brightwater Clinics", "brightwater-clinics", "brightwater.example", "pro", health},
    {"Lumen & Oak Studio", "lumen-oak", "lumenandoak.example", "pro", studio},
};

constexpr job all_jobs[] = {
    {"triage", "Sorts {} by urgency and sends each to the right queue.",
     "Anything it has not seen before goes to {}.", "route_to_queue"},
    {"reviewer", "Checks {} against the rules in force and lists every deviation with its source.",
     "Deviations above the threshold wait for {}.", "compare_with_rules"},
    {"summary", "Turns {} into one page each morning: what changed, what is late, what needs a decision.",
     "Figures that do not add up are marked for {}.", "render_report"},
    {"forecast", "Reads {} and projects the next fourteen days with a range, not a point.",
     "A range wider than usual is explained to {}.", "fit_model"},
    {"watch", "Follows {} and raises an alert when a value leaves its usual band.",
     "Alerts page {} at most once an hour.", "subscribe"},
    {"concierge", "Answers questions about {} in plain language and cites where the answer stands.",
     "Without a source it says so and asks {}.", "cite_source"},
    {"drafting", "Writes first drafts from {} in the house style.",
     "Nothing is sent before {} has approved it.", "open_draft"},
    {"reconciliation", "Matches {} line by line and proposes an entry for each difference.",
     "Differences over 250 are left to {}.", "propose_entry"},
    {"audit", "Samples {} every week and keeps the evidence for the next audit.",
     "Findings are agreed with {} first.", "store_evidence"},
    {"planning", "Builds a plan from {} and keeps a second best at hand.",
     "Changes after noon are confirmed by {}.", "solve_plan"},
    {"intake", "Takes in {} from mail and chat, fills the form and asks for what is missing.",
     "After two questions it hands over to {}.", "fill_form"},
    {"archive", "Files {} under the right case and sets the retention date.",
     "Documents without a case are collected for {}.", "file_document"},
};

constexpr shelf all_shelves[] = {
    {"Calendar",
     {"Reads and books meetings across shared calendars, with time zones and travel time.",
      "Finds a slot that suits everyone and explains why the others do not.",
      "Keeps room and resource bookings free of double entries."},
     "npm"},
    {"Mail",
     {"Searches, labels and drafts email; never sends without a confirmation.",
      "Turns a mailbox into threads an agent can answer from.",
      "Sorts newsletters, invoices and people, and unsubscribes on request."},
     "npm"},
    {"Warehouse SQL",
     {"Read-only SQL over a data warehouse with a row limit and a cost estimate first.",
      "Describes tables and columns so that a model writes queries that run.",
      "Runs saved queries with parameters and returns tidy tables."},
     "pypi"},
    {"Tickets",
     {"Opens, updates and links tickets, and knows the workflow of each project.",
      "Summarises a sprint from its tickets and their comments.",
      "Finds duplicates before a new ticket is opened."},
     "npm"},
    {"Documents",
     {"Reads office documents and PDFs with their headings, tables and footnotes.",
      "Compares two versions of a contract clause by clause.",
      "Fills templates and leaves what it does not know visibly open."},
     "pypi"},
    {"Browser",
     {"Opens pages in a sandbox, follows links and returns readable text.",
      "Fills forms step by step and keeps a screenshot of each.",
      "Watches pages for changes and reports what changed."},
     "npm"},
    {"Maps",
     {"Geocodes addresses, plans routes and estimates arrival with live traffic.",
      "Draws delivery areas and answers what lies inside.",
      "Finds places by description, opening hours and distance."},
     "npm"},
    {"Ledger",
     {"Posts journal entries as proposals and reconciles bank statements.",
      "Answers questions about accounts with the entries that prove them.",
      "Checks invoices for tax numbers, totals and duplicates."},
     "pypi"},
    {"Observability",
     {"Queries logs, metrics and traces, and correlates them around an incident.",
      "Explains an alert with the deployments and changes before it.",
      "Writes a timeline of an incident while it happens."},
     "docker"},
    {"Repository",
     {"Reads code, history and reviews of a repository without cloning it.",
      "Opens pull requests from a described change and answers review comments.",
      "Finds who knows a file and why a line is there."},
     "npm"},
    {"Translation",
     {"Translates with a glossary and keeps placeholders untouched.",
      "Checks translations for tone, length and forbidden terms.",
      "Detects languages and splits mixed text."},
     "pypi"},
    {"Speech",
     {"Transcribes calls with speakers and timestamps.", "Reads text aloud in a consistent voice.",
      "Finds the moment in a recording where a topic comes up."},
     "pypi"},
    {"Vision",
     {"Describes images and reads the text in them.", "Counts, measures and compares objects in photos.",
      "Finds near duplicates in a large picture library."},
     "pypi"},
    {"Weather",
     {"Forecasts, warnings and observations for a place and an hour.",
      "Tells whether weather explains a delay, with the record that shows it.",
      "Watches wind, frost and flood thresholds along a route."},
     "npm"},
    {"CRM",
     {"Reads accounts, contacts and opportunities, and logs what was agreed.",
      "Keeps contact data clean and finds who should be called next.",
      "Prepares a meeting from everything known about an account."},
     "npm"},
    {"Forms",
     {"Builds questionnaires and collects answers with validation.",
      "Reads filled paper forms and returns fields with a confidence each.",
      "Turns a conversation into a complete form."},
     "npm"},
    {"Memory",
     {"Remembers facts across conversations, with who said them and when.",
      "A vector store with filters, expiry and a plain export.",
      "Keeps a knowledge graph that people can correct."},
     "pypi"},
    {"Payments",
     {"Looks up payments and refunds; proposes, never executes.",
      "Explains a dispute with the evidence it needs and its deadline.", "Reconciles payouts with orders."},
     "npm"},
    {"Secrets",
     {"Hands short-lived credentials to tools and revokes them after use.",
      "Finds keys that were pasted where they do not belong.",
      "Rotates credentials on a schedule and proves that it did."},
     "docker"},
    {"Scheduler",
     {"Runs jobs at times people describe in words, and survives restarts.",
      "Retries with backoff and tells when it gives up.",
      "Spreads recurring work so that it does not start all at once."},
     "docker"},
};

constexpr std::string_view all_first_names[] = {
    "Amara", "Bjorn",  "Camila", "Dmitri", "Elif",  "Farid", "Greta", "Hiro",  "Ines",  "Jonas",
    "Kavya", "Liam",   "Mira",   "Noah",   "Oona",  "Priya", "Quinn", "Rosa",  "Sven",  "Tariq",
    "Uma",   "Viktor", "Wanda",  "Ximena", "Yusuf", "Zofia", "Aiko",  "Bruno", "Clara", "Dario",
};
constexpr std::string_view all_last_names[] = {
    "Okafor", "Lindqvist", "Reyes",  "Volkov",  "Demir",    "Haddad",  "Bauer",    "Tanaka",
    "Duarte", "Weber",     "Sharma", "Byrne",   "Novak",    "Fischer", "Virtanen", "Nair",
    "Mercer", "Ortega",    "Dahl",   "Rahman",  "Iyer",     "Petrov",  "Kowalska", "Campos",
    "Aydin",  "Zielinska", "Mori",   "Salgado", "Hoffmann", "Conti",
};
constexpr std::string_view all_models[] = {"atlas-large", "atlas-small", "quill-2", "quill-2-mini",
                                           "harbor-70b"};
constexpr std::string_view all_brands[] = {"Anchor",   "Beacon",  "Cinder", "Dovetail",   "Ember",
                                           "Foxglove", "Granite", "Harbor", "Ivory",      "Juniper",
                                           "Kestrel",  "Lantern", "Meadow", "Northlight", "Orchard"};
constexpr std::string_view all_publishers[] = {
    "Alder Systems",       "Bluefin Labs",    "Copperline",   "Driftwood Software", "Eastgate Tools",
    "Fernhill Data",       "Greywater Works", "Hollow Pine",  "Inkstone",           "Kitebridge",
    "Larkspur Collective", "Mossback",        "Nettle & Rye", "Open Quay",          "Pebble Street",
    "Quarterdeck",         "Redstart",        "Saltmarsh",    "Tern Island",        "Underbough",
};

}  // namespace

std::span<const home> homes() {
  return all_homes;
}
std::span<const job> jobs() {
  return all_jobs;
}
std::span<const shelf> shelves() {
  return all_shelves;
}
std::span<const std::string_view> first_names() {
  return all_first_names;
}
std::span<const std::string_view> last_names() {
  return all_last_names;
}
std::span<const std::string_view> models() {
  return all_models;
}
std::span<const std::string_view> brands() {
  return all_brands;
}
std::span<const std::string_view> publishers() {
  return all_publishers;
}

}  // namespace strata::platform::demo
