#pragma once
/// What a handler sees and answers: requests, responses, and representations they can share.

#include <server/representation.hpp>
#include <server/request.hpp>
#include <server/response.hpp>
