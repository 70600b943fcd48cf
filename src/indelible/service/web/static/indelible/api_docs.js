// The interface for programs, as Swagger UI shows it. A key that is typed in stays in this page, and goes with it.
"use strict";
const place = document.getElementById("operations");
SwaggerUIBundle({
  url: place.dataset.described,
  domNode: place,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
  tryItOutEnabled: false,
  validatorUrl: null,
});
